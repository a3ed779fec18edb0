SELECT province FROM request WHERE request_id = $1
