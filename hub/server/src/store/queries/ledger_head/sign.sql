UPDATE ledger_head h
SET signed_size = i.size, signed_hash = i.hash, signed_at = $1, signature = i.signature
FROM unnest($2::text[], $3::bigint[], $4::bytea[], $5::bytea[]) AS i (registry, size, hash, signature)
WHERE h.registry = i.registry
