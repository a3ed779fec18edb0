SELECT request_id, n, registered_at
FROM outcome
WHERE registered_at >= $1 AND registered_at < $2 AND due_at IS NULL
ORDER BY registered_at
LIMIT $3
