SELECT r.unit_key, r.request_id, r.kind, r.state, c.delivered_at, c.no
FROM request r
JOIN receipt c ON c.request_id = r.request_id AND c.registry = r.registry
WHERE r.unit_key = ANY ($1)
