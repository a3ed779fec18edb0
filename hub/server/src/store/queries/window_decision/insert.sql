INSERT INTO window_decision (entry_id, decision, decided_by, decided_at, reason, bound_secs, outage_id)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (entry_id) DO NOTHING
