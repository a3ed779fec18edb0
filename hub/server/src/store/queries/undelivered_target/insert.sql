INSERT INTO undelivered_target (job_id, position, dead_id)
SELECT $1, row_number() OVER (ORDER BY r.lane, r.lane_seq, d.dead_id), d.dead_id
FROM dead_letter d
JOIN request r USING (request_id)
WHERE d.dead_id = ANY ($2)
