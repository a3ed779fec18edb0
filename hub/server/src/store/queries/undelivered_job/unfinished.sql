SELECT job_id, action, actor, reason, pace_per_second FROM undelivered_job WHERE finished_at IS NULL ORDER BY created_at LIMIT 1
