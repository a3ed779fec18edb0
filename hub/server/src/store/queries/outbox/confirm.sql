UPDATE outbox SET confirmed_at = clock_timestamp(), tries = tries + 1, last_error = NULL
WHERE outbox_id = ANY ($1) AND confirmed_at IS NULL
