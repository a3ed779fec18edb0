SELECT channel FROM request WHERE request_id = $1 AND registry = $2
