INSERT INTO consultation (consultation_id, cause, level, province, request_id, subject) VALUES ($1, $2, $3, $4, $5, $6)
