INSERT INTO event (at, kind, request_id, detail)
SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::uuid[], $4::jsonb[])
