SELECT seq, at, request_id, demand_id, unit_index, registry, body
FROM feedback
WHERE sender = $1 AND seq > $2
ORDER BY seq
LIMIT $3
