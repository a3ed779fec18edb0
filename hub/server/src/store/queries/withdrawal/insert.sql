WITH attached AS (
    INSERT INTO request_document (request_id, sha256) VALUES ($2, $7) ON CONFLICT DO NOTHING
)
INSERT INTO withdrawal (withdrawal_id, request_id, sender, body_sha256, submission, message, asked_at)
VALUES ($1, $2, $3, $4, $5, $6, $8)
