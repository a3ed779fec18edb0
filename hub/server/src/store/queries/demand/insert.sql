INSERT INTO demand (sender, demand_id, body_sha256, submission, answer, accepted_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (sender, demand_id) DO NOTHING
