UPDATE dead_letter SET status = $2, decided_by = $3, decided_at = $4, reason = $5 WHERE dead_id = ANY ($1)
