SELECT prior_request_id, request_id FROM request WHERE prior_request_id = ANY ($1) ORDER BY accepted_at, request_id
