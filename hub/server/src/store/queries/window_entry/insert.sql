INSERT INTO window_entry (entry_id, registry, clerk, demand_id, body, body_sha256, scans, handed_over_at, entered_at, late,
                          late_reason, late_evidence, second_because)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (clerk, demand_id) DO NOTHING
