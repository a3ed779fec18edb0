SELECT outage_id FROM outage
WHERE (registry = $1 OR (registry IS NULL AND province = left($1, 2)))
  AND began_at <= $2 AND (ended_at IS NULL OR ended_at >= $2)
ORDER BY began_at, outage_id
LIMIT 1
