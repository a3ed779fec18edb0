INSERT INTO demand (sender, demand_id, body_sha256, submission, answer, accepted_at)
SELECT sender, demand_id, body_sha256, submission, answer, accepted_at
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], $5::jsonb[], $6::timestamptz[])
     AS d (sender, demand_id, body_sha256, submission, answer, accepted_at)
ORDER BY sender, demand_id
ON CONFLICT (sender, demand_id) DO NOTHING
