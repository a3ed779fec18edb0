SELECT request_id, n, outcome, body, received_at, registered_at, due_at, disposition
FROM outcome
WHERE request_id = ANY ($1)
ORDER BY request_id, n
