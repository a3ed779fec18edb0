SELECT r.request_id
FROM request r
WHERE r.state = 'in_flight'
  AND ($1::text IS NULL OR r.province = $1)
  AND NOT EXISTS (SELECT FROM outbox o WHERE o.request_id = r.request_id AND o.confirmed_at IS NULL)
ORDER BY r.lane, r.lane_seq
FOR UPDATE
