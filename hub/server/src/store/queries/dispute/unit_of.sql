SELECT request_id, sender, unit_key, registry FROM request WHERE request_id = ANY ($1)
