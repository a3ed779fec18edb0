INSERT INTO ledger_head (registry, hash)
SELECT i.registry, i.hash
FROM unnest($1::text[], $2::bytea[]) AS i (registry, hash)
JOIN registry r ON r.code = i.registry
ORDER BY i.registry
ON CONFLICT (registry) DO NOTHING
