SELECT t.position, t.dead_id, d.request_id
FROM undelivered_target t
JOIN dead_letter d USING (dead_id)
WHERE t.job_id = $1 AND t.done_at IS NULL
ORDER BY t.position
LIMIT $2
