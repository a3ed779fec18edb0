SELECT c.consultation_id, c.cause, c.level, c.province, c.request_id, c.subject, m.opened_at, m.opened_by, m.closed_at
FROM consultation c
JOIN matter m ON m.matter_id = c.consultation_id
LEFT JOIN request r ON r.request_id = c.request_id
WHERE ($1::text IS NULL OR r.sender = $1)
  AND ($2::text IS NULL OR c.level = $2)
  AND ($3::text IS NULL OR c.province = $3)
  AND ($4::text IS NULL OR c.cause = $4)
  AND ($5::uuid IS NULL OR c.request_id = $5)
  AND ($6::boolean IS NULL OR (m.closed_at IS NULL) = $6)
  AND ($7::uuid IS NULL OR c.consultation_id = $7)
  AND ($8::timestamptz IS NULL OR (m.opened_at, m.matter_id) > ($8, $9::uuid))
ORDER BY m.opened_at, m.matter_id
LIMIT $10
