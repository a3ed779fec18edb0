SELECT state FROM request WHERE request_id = $1 AND sender = $2
