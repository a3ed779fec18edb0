SELECT reminder_id, request_id, kind, level, addressee, due_at
FROM reminder
WHERE request_id = ANY ($1) AND closed_at IS NULL
ORDER BY reminder_id
