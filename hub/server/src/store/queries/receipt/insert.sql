INSERT INTO receipt (registry, no, request_id, message_id, body_sha256, channel, delivered_at, recorded_at, clock_err_us,
                     attempt, connector, push_started_at, push_answered_at, local_reference, local_received_at, evidence_id,
                     prev_hash, hash)
SELECT i.registry, i.no, i.request_id, i.message_id, i.body_sha256, i.channel, i.delivered_at, i.recorded_at, $1,
       i.attempt, i.connector, i.push_started_at, i.push_answered_at, i.local_reference, i.local_received_at, i.evidence_id,
       i.prev_hash, i.hash
FROM unnest($2::text[], $3::bigint[], $4::uuid[], $5::uuid[], $6::bytea[], $7::text[], $8::timestamptz[], $9::timestamptz[],
            $10::int[], $11::text[], $12::timestamptz[], $13::timestamptz[], $14::text[], $15::timestamptz[], $16::uuid[],
            $17::bytea[], $18::bytea[])
    AS i (registry, no, request_id, message_id, body_sha256, channel, delivered_at, recorded_at, attempt, connector,
          push_started_at, push_answered_at, local_reference, local_received_at, evidence_id, prev_hash, hash)
