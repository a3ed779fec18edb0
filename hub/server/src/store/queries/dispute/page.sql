SELECT d.dispute_id, d.cause, d.unit_key, d.registry, d.superior, encode(d.evidence_sha256, 'hex') AS evidence_sha256,
       m.opened_at, m.opened_by, m.closed_at
FROM dispute d
JOIN matter m ON m.matter_id = d.dispute_id
WHERE ($1::text IS NULL OR EXISTS (SELECT FROM dispute_request p JOIN request r USING (request_id)
                                   WHERE p.dispute_id = d.dispute_id AND r.sender = $1))
  AND ($2::text IS NULL OR d.unit_key = $2)
  AND ($3::text IS NULL OR d.registry = $3)
  AND ($4::text IS NULL OR left(d.registry, 2) = $4)
  AND ($5::uuid IS NULL OR EXISTS (SELECT FROM dispute_request p WHERE p.dispute_id = d.dispute_id AND p.request_id = $5))
  AND ($6::boolean IS NULL OR (m.closed_at IS NULL) = $6)
  AND ($7::uuid IS NULL OR d.dispute_id = $7)
  AND ($11::text IS NULL OR d.cause = $11)
  AND ($8::timestamptz IS NULL OR (m.opened_at, m.matter_id) > ($8, $9::uuid))
ORDER BY m.opened_at, m.matter_id
LIMIT $10
