INSERT INTO unit_seizure (request_id, unit_key, seizure, lapses_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::jsonb[], $4::timestamptz[])
ON CONFLICT (request_id) DO UPDATE SET seizure = excluded.seizure, lapses_at = excluded.lapses_at
