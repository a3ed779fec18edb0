SELECT DISTINCT ON (unit_key) unit_key, request_ids
FROM order_decision
WHERE unit_key = ANY ($1)
ORDER BY unit_key, recorded_at DESC, decision_id DESC
