SELECT request_id, withdrawal_id, body_sha256, state FROM withdrawal WHERE request_id = ANY ($1) ORDER BY request_id, asked_at
