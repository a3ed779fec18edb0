SELECT registry, size, hash FROM ledger_head WHERE size > 0 AND signed_size IS DISTINCT FROM size ORDER BY registry
