SELECT r.request_id, r.unit_index, r.unit_key, r.state, c.no, c.delivered_at, c.recorded_at, encode(c.hash, 'hex') AS hash,
       (SELECT e.detail -> 'moved' FROM event e WHERE e.request_id = r.request_id AND e.kind = 'order_changed') AS moved
FROM request r
JOIN receipt c ON c.request_id = r.request_id AND c.registry = r.registry
WHERE r.sender = $1 AND r.demand_id = $2
ORDER BY r.unit_index
