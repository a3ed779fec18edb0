SELECT i.issue_id, i.cause, i.province, i.request_id, i.subject, i.owner, i.due_on, m.opened_at, m.opened_by, m.closed_at,
       (SELECT e.text FROM matter_entry e WHERE e.matter_id = i.issue_id AND e.kind = 'closed') AS answer
FROM issue i
JOIN matter m ON m.matter_id = i.issue_id
WHERE ($1::text IS NULL OR i.province = $1)
  AND ($2::text IS NULL OR i.cause = $2)
  AND ($3::uuid IS NULL OR i.request_id = $3)
  AND ($4::text IS NULL OR i.owner = $4)
  AND ($5::boolean IS NULL OR (m.closed_at IS NULL) = $5)
  AND ($6::date IS NULL OR (i.due_on < $6 AND m.closed_at IS NULL))
  AND ($7::uuid IS NULL OR i.issue_id = $7)
  AND ($8::timestamptz IS NULL OR (m.opened_at, m.matter_id) > ($8, $9::uuid))
ORDER BY m.opened_at, m.matter_id
LIMIT $10
