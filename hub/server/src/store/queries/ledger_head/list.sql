SELECT registry, size, last_recorded_at, hash, signed_size, signed_hash, signed_at, signature
FROM ledger_head
WHERE $1::text IS NULL OR registry = $1
ORDER BY registry
