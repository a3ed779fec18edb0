SELECT q.sender
FROM feedback_queue q
JOIN principal p ON p.name = q.sender
WHERE p.disabled_at IS NULL
ORDER BY q.sender
