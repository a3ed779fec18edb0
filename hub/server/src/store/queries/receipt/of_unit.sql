SELECT r.request_id, r.kind, r.state, c.delivered_at, c.no
FROM receipt c
JOIN request r USING (request_id)
WHERE r.unit_key = $1 AND c.registry = $2
ORDER BY c.no
