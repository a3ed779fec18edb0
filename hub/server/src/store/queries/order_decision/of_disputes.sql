SELECT decision_id, dispute_id, decided_by, decided_on, document_number, document_sha256, request_ids, recorded_at, recorded_by
FROM order_decision
WHERE dispute_id = ANY ($1)
ORDER BY recorded_at, decision_id
