SELECT dead_id, request_id, message_id, attempt, status FROM dead_letter WHERE dead_id = ANY ($1) ORDER BY dead_id FOR UPDATE
