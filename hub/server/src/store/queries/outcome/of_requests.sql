SELECT request_id, n, outcome, body, body_sha256, due_at, disposition
FROM outcome
WHERE request_id = ANY ($1)
ORDER BY request_id, n
