INSERT INTO receipt (registry, no, request_id, message_id, body_sha256, channel, delivered_at, recorded_at, clock_err_us,
                     attempt, connector, push_started_at, push_answered_at, local_reference, local_received_at,
                     prev_hash, hash)
SELECT i.registry, i.no, i.request_id, i.message_id, i.body_sha256, 'net', i.recorded_at, i.recorded_at, $1,
       i.attempt, i.connector, i.push_started_at, i.push_answered_at, i.local_reference, i.local_received_at,
       i.prev_hash, i.hash
FROM unnest($2::text[], $3::bigint[], $4::uuid[], $5::uuid[], $6::bytea[], $7::timestamptz[], $8::int[], $9::text[],
            $10::timestamptz[], $11::timestamptz[], $12::text[], $13::timestamptz[], $14::bytea[], $15::bytea[])
    AS i (registry, no, request_id, message_id, body_sha256, recorded_at, attempt, connector, push_started_at,
          push_answered_at, local_reference, local_received_at, prev_hash, hash)
