SELECT r.request_id, r.unit_key, r.kind, r.state, c.delivered_at, c.no
FROM request r
JOIN receipt c ON c.request_id = r.request_id AND c.registry = r.registry
WHERE r.registry = $1 AND r.unit_key = ANY ($2) AND r.state IN ('delivered', 'registered')
