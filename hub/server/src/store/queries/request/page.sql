SELECT request_id, sender, demand_id, unit_index, kind, court_code, case_number, judgment_number, original_case_number, unit_key,
       province, registry, lane_seq, message_id, encode(body_sha256, 'hex') AS body_sha256, prior_request_id, traceparent,
       accepted_at, state, attempt
FROM request
WHERE ($1::text IS NULL OR sender = $1)
  AND ($2::text IS NULL OR case_number = $2)
  AND ($3::text IS NULL OR unit_key = $3)
  AND ($4::text IS NULL OR state = $4)
  AND ($5::text IS NULL OR province = $5)
  AND ($6::text IS NULL OR registry = $6)
  AND ($7::timestamptz IS NULL OR accepted_at >= $7)
  AND ($8::timestamptz IS NULL OR accepted_at < $8)
  AND ($9::timestamptz IS NULL OR (accepted_at, request_id) > ($9, $10::uuid))
ORDER BY accepted_at, request_id
LIMIT $11
