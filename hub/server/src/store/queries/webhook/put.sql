INSERT INTO webhook (sender, url) VALUES ($1, $2)
ON CONFLICT (sender) DO UPDATE
SET url = excluded.url, failures = 0, last_error = NULL, next_attempt_at = clock_timestamp()
