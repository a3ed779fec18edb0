INSERT INTO outcome (request_id, n, outcome, body, body_sha256, received_at, registered_at, due_at, fed_back_at,
                     disposition)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::jsonb[], $5::bytea[], $6::timestamptz[], $7::timestamptz[],
                     $8::timestamptz[], $9::timestamptz[], $10::text[])
