SELECT r.request_id, r.sender, r.demand_id, r.kind, r.court_code, r.case_number, r.original_case_number, r.province, r.registry,
       r.accepted_at, r.state, c.channel, c.delivered_at, c.no
FROM request r
LEFT JOIN receipt c ON c.request_id = r.request_id AND c.registry = r.registry
WHERE r.unit_key = $1
