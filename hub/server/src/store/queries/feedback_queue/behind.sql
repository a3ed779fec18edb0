SELECT q.sender, q.published_seq
FROM feedback_queue q
JOIN feedback_head h ON h.sender = q.sender
JOIN principal p ON p.name = q.sender
WHERE h.last_seq > q.published_seq AND p.disabled_at IS NULL AND q.sender <> ALL ($1)
ORDER BY q.sender
LIMIT $2
