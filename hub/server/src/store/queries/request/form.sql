SELECT r.body, r.accepted_at, g.name AS registry_name, o.body AS outcome
FROM request r
JOIN registry g ON g.code = r.registry
LEFT JOIN outcome o ON o.request_id = r.request_id AND o.disposition = 'effective' AND o.outcome = 'registered'
WHERE r.request_id = $1
