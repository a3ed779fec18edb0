INSERT INTO conversion_report (request_id, n, body, body_sha256, received_at) VALUES ($1, $2, $3, $4, $5)
