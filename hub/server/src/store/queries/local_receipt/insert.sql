INSERT INTO local_receipt (evidence_id, registry, local_number, body, body_sha256, connector, reported_at, received_at,
                           disposition, code, bound_secs)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT DO NOTHING
