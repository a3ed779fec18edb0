UPDATE dead_letter SET released_at = NULL WHERE message_id = $1 AND attempt = $2 AND queue = $3 AND status <> 'open'
