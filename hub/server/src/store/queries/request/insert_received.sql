WITH unit AS (
    SELECT *
    FROM unnest($10::uuid[], $11::uuid[], $12::smallint[], $13::text[], $14::text[], $15::text[], $16::text[], $17::bigint[],
                $18::text[], $19::bytea[], $20::bytea[], $8::uuid[])
         AS u (request_id, message_id, unit_index, unit_key, province, registry, lane, lane_seq, routing_key, body, body_sha256,
               prior_request_id)
),
placed AS (
    INSERT INTO request (request_id, sender, demand_id, unit_index, kind, court_code, case_number, judgment_number,
                         original_case_number, unit_key, province, registry, lane, lane_seq, routing_key, message_id, body,
                         body_sha256, prior_request_id, traceparent, accepted_at, state, state_n, channel, channel_reason)
    SELECT request_id, $1, $2, unit_index, $3, $4, $5, $6, $7, unit_key, province, registry, lane, lane_seq, routing_key,
           message_id, body, body_sha256, prior_request_id, $9, $21::timestamptz, 'in_flight', 1, $23, $24
    FROM unit
),
logged AS (
    INSERT INTO request_state (request_id, n, state, at, actor, cause)
    SELECT request_id, 1, 'in_flight', $21, $25, 'accepted' FROM unit
)
INSERT INTO request_document (request_id, sha256)
SELECT request_id, sha256 FROM unit CROSS JOIN unnest($22::text[]) AS d (sha256)
