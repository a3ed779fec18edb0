SELECT q.sender, q.since, q.published_seq, coalesce(h.last_seq, 0), q.published_at, q.last_error
FROM feedback_queue q
LEFT JOIN feedback_head h ON h.sender = q.sender
ORDER BY q.sender
