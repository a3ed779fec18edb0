SELECT url, delivered_seq, failures, last_error, last_success_at, next_attempt_at FROM webhook WHERE sender = $1
