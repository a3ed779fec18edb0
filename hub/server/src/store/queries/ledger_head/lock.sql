SELECT registry, size, last_recorded_at, hash FROM ledger_head WHERE registry = ANY ($1) ORDER BY registry FOR UPDATE
