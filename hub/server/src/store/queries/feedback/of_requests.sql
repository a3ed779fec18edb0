SELECT seq, at, request_id, demand_id, unit_index, registry, body
FROM feedback
WHERE request_id = ANY ($1)
ORDER BY seq
