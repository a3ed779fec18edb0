SELECT j.job_id, j.action, j.actor, j.reason, j.pace_per_second, j.created_at, j.finished_at,
       count(t.*) AS total,
       count(*) FILTER (WHERE t.outcome = 'done') AS done,
       count(*) FILTER (WHERE t.outcome = 'skipped') AS skipped
FROM undelivered_job j
LEFT JOIN undelivered_target t USING (job_id)
WHERE j.job_id = $1
GROUP BY j.job_id
