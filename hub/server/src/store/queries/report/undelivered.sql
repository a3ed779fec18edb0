SELECT d.cause, d.tier, count(*) AS attempts,
       count(*) FILTER (WHERE d.status = 'open') AS open,
       count(*) FILTER (WHERE d.status = 'replayed') AS replayed,
       count(*) FILTER (WHERE d.status = 'closed') AS closed
FROM request r
JOIN dead_letter d ON d.request_id = r.request_id
WHERE r.accepted_at >= $1 AND r.accepted_at < $2 AND ($3::text IS NULL OR r.province = $3)
GROUP BY d.cause, d.tier
ORDER BY attempts DESC, d.cause, d.tier
