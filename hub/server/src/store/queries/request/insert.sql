WITH new AS (
    SELECT *
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::uuid[], $9::text[],
                $10::timestamptz[], $11::uuid[], $12::uuid[], $13::smallint[], $14::text[], $15::text[], $16::text[],
                $17::text[], $18::bigint[], $19::text[], $20::bytea[], $21::bytea[])
         AS n (sender, demand_id, kind, court_code, case_number, judgment_number, original_case_number, prior_request_id,
               traceparent, accepted_at, request_id, message_id, unit_index, unit_key, province, registry, lane, lane_seq,
               routing_key, body, body_sha256)
),
placed AS (
    INSERT INTO request (request_id, sender, demand_id, unit_index, kind, court_code, case_number, judgment_number,
                         original_case_number, unit_key, province, registry, lane, lane_seq, routing_key, message_id, body,
                         body_sha256, prior_request_id, traceparent, accepted_at, state, state_n)
    SELECT request_id, sender, demand_id, unit_index, kind, court_code, case_number, judgment_number, original_case_number,
           unit_key, province, registry, lane, lane_seq, routing_key, message_id, body, body_sha256, prior_request_id,
           traceparent, accepted_at, 'in_flight', 1
    FROM new
),
logged AS (
    INSERT INTO request_state (request_id, n, state, at, actor, cause)
    SELECT request_id, 1, 'in_flight', accepted_at, sender, 'accepted' FROM new
),
attached AS (
    INSERT INTO request_document (request_id, sha256)
    SELECT request_id, sha256 FROM unnest($22::uuid[], $23::text[]) AS d (request_id, sha256)
),
queued AS (
    INSERT INTO outbox (request_id, kind, lane, lane_seq, message_id, attempt, created_at)
    SELECT request_id, 'first', lane, lane_seq, message_id, 1, accepted_at FROM new ORDER BY lane, lane_seq
)
SELECT pg_notify('xiezhi_outbox', '')
