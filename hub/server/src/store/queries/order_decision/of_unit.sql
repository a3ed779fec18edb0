SELECT decision_id, dispute_id, decided_by, decided_on, document_number, document_sha256, request_ids, recorded_at, recorded_by
FROM order_decision
WHERE unit_key = $1
ORDER BY recorded_at DESC, decision_id DESC
LIMIT 1
