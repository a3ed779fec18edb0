SELECT queue, dead_id, message_id, attempt FROM dead_letter WHERE status <> 'open' AND released_at IS NULL ORDER BY queue
