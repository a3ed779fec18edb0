INSERT INTO dead_letter (message_id, request_id, attempt, registry, tier, queue, cause, code, exchange, routing_key, first_at,
                         status, decided_by, decided_at, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::timestamptz, $12, $13,
        CASE WHEN $12 = 'open' THEN NULL ELSE $11::timestamptz END, $14)
ON CONFLICT (message_id, attempt, queue) DO NOTHING
