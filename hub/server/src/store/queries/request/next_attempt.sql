UPDATE request SET attempt = attempt + 1 WHERE request_id = ANY ($1)
