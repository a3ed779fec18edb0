INSERT INTO unit_event (unit_key, n, kind, request_id, code, effective_at, before, after, report, corrects)
SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::uuid[], $5::text[], $6::timestamptz[], $7::jsonb[], $8::jsonb[],
                     $9::jsonb[], $10::jsonb[])
