SELECT request_ids FROM order_decision WHERE unit_key = $1 AND registry = $2 ORDER BY recorded_at DESC, decision_id DESC LIMIT 1
