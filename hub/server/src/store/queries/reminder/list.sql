SELECT m.reminder_id, m.kind, m.level, m.addressee, m.due_at, m.created_at, m.closed_at, m.closed_because,
       r.request_id, r.sender, r.demand_id, r.unit_index, r.province, r.registry, r.state
FROM reminder m
JOIN request r ON r.request_id = m.request_id
WHERE ($1::text IS NULL OR m.addressee = $1)
  AND ($2::text IS NULL OR r.sender = $2)
  AND ($3::text IS NULL OR r.province = $3)
  AND ($4::text IS NULL OR r.registry = $4)
  AND ($5::text IS NULL OR m.kind = $5)
  AND ($6::text IS NULL OR m.level = $6)
  AND ($7::bool IS NULL OR (m.closed_at IS NULL) = $7)
  AND ($8::uuid IS NULL OR m.request_id = $8)
  AND m.reminder_id > $9
ORDER BY m.reminder_id
LIMIT $10
