SELECT dead_id, message_id, request_id, attempt, registry, tier, queue, cause, code, first_at, status, decided_by, decided_at, reason,
       exchange, routing_key, released_at
FROM dead_letter
WHERE ($1::text IS NULL OR status = $1)
  AND ($2::text IS NULL OR left(registry, 2) = $2)
  AND ($3::text IS NULL OR registry = $3)
  AND ($4::text IS NULL OR cause = $4)
  AND ($5::uuid IS NULL OR request_id = $5)
  AND ($6::bigint[] IS NULL OR dead_id = ANY ($6))
  AND dead_id > $7
ORDER BY dead_id
LIMIT $8
