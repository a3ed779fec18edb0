UPDATE undelivered_job SET finished_at = clock_timestamp()
WHERE job_id = $1 AND NOT EXISTS (SELECT FROM undelivered_target WHERE job_id = $1 AND done_at IS NULL)
