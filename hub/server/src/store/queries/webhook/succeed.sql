UPDATE webhook
SET delivered_seq = $3, failures = 0, last_error = NULL, last_success_at = clock_timestamp(), next_attempt_at = clock_timestamp()
WHERE sender = $1 AND delivered_seq = $2
