UPDATE webhook
SET next_attempt_at = clock_timestamp() + make_interval(secs => $1)
WHERE sender IN (
    SELECT w.sender
    FROM webhook w
    JOIN feedback_head h ON h.sender = w.sender
    WHERE h.last_seq > w.delivered_seq AND w.next_attempt_at <= clock_timestamp()
    ORDER BY w.next_attempt_at
    LIMIT $2
    FOR UPDATE OF w SKIP LOCKED
)
RETURNING sender, url, delivered_seq, failures
