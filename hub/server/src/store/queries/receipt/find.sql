SELECT request_id, no, delivered_at, hash FROM receipt WHERE request_id = ANY ($1)
