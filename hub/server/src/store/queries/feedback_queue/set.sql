INSERT INTO feedback_queue (sender, published_seq)
SELECT name, coalesce($2::bigint, 0) FROM principal WHERE name = $1 AND role = 'court' AND disabled_at IS NULL
ON CONFLICT (sender) DO UPDATE
SET published_seq = coalesce($2::bigint, feedback_queue.published_seq), last_error = NULL
