SELECT (o.registered_at AT TIME ZONE 'Asia/Shanghai')::date AS day
FROM request r
JOIN outcome o ON o.request_id = r.request_id AND o.disposition = 'effective' AND o.outcome = 'registered'
WHERE r.unit_key = $1 AND r.registry = $2 AND r.case_number = $3 AND r.kind IN ('seizure', 'waiting')
ORDER BY o.registered_at
LIMIT 1
