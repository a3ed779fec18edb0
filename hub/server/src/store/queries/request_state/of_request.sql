SELECT request_id, n, state, at, actor, cause FROM request_state WHERE request_id = ANY ($1) ORDER BY request_id, n
