SELECT request_id, body_sha256 FROM conversion_report WHERE request_id = ANY ($1) ORDER BY request_id, n
