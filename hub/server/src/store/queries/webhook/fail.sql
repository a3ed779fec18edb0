UPDATE webhook
SET failures = failures + 1, last_error = $3, next_attempt_at = clock_timestamp() + make_interval(secs => $4)
WHERE sender = $1 AND delivered_seq = $2
