INSERT INTO order_decision (decision_id, dispute_id, unit_key, registry, decided_by, decided_on, document_number, document_sha256,
                            request_ids, recorded_at, recorded_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
