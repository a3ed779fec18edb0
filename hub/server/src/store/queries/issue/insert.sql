INSERT INTO issue (issue_id, cause, province, request_id, subject, owner, due_on) VALUES ($1, $2, $3, $4, $5, $6, $7)
