SELECT w.withdrawal_id, w.request_id, w.sender, r.demand_id, r.unit_key, r.registry, r.province, w.asked_at, w.taking, w.taken_at,
       w.state, w.decided_at, w.decision, w.submission
FROM withdrawal w
JOIN request r USING (request_id)
WHERE ($1::text IS NULL OR w.sender = $1)
  AND ($2::text IS NULL OR w.state = $2)
  AND ($3::uuid IS NULL OR w.request_id = $3)
  AND ($4::text IS NULL OR r.province = $4)
  AND ($5::text IS NULL OR r.registry = $5)
  AND ($6::uuid IS NULL OR w.withdrawal_id = $6)
  AND ($7::timestamptz IS NULL OR (w.asked_at, w.withdrawal_id) > ($7, $8::uuid))
ORDER BY w.asked_at, w.withdrawal_id
LIMIT $9
