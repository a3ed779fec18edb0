INSERT INTO undelivered_job (job_id, action, actor, reason, pace_per_second, created_at)
VALUES ($1, $2, $3, $4, $5, clock_timestamp())
