SELECT request_id, sender, demand_id, unit_index, kind, court_code, case_number, judgment_number, original_case_number, unit_key,
       province, registry, lane_seq, message_id, encode(body_sha256, 'hex') AS body_sha256, prior_request_id, traceparent,
       accepted_at, state, attempt
FROM request
WHERE request_id = $1 AND ($2::text IS NULL OR sender = $2)
