SELECT at FROM request_state WHERE request_id = $1 ORDER BY n DESC LIMIT 1
