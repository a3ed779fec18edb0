UPDATE ledger_head h
SET size = i.size, last_recorded_at = i.last_recorded_at, hash = i.hash
FROM unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::bytea[]) AS i (registry, size, last_recorded_at, hash)
WHERE h.registry = i.registry
