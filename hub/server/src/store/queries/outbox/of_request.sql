SELECT request_id, kind, attempt, created_at, confirmed_at FROM outbox WHERE request_id = ANY ($1) ORDER BY request_id, outbox_id
