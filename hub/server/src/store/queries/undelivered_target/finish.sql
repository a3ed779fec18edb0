UPDATE undelivered_target t
SET done_at = clock_timestamp(), outcome = i.outcome, note = i.note
FROM unnest($2::bigint[], $3::text[], $4::text[]) AS i (dead_id, outcome, note)
WHERE t.job_id = $1 AND t.dead_id = i.dead_id
