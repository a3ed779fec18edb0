SELECT outage_id, province, registry, began_at, reason, announced_by, announced_at, ended_at, ended_by, end_reason
FROM outage
WHERE ($1::uuid IS NULL OR outage_id = $1)
  AND ($2::text IS NULL OR province = $2)
  AND ($3::text IS NULL OR registry = $3 OR (registry IS NULL AND province = left($3, 2)))
  AND ($4::boolean IS NULL OR (ended_at IS NULL) = $4)
  AND ($5::uuid IS NULL OR outage_id > $5)
ORDER BY outage_id
LIMIT $6
