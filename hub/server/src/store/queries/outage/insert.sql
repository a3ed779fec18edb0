INSERT INTO outage (outage_id, province, registry, began_at, reason, announced_by, announced_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
