INSERT INTO credential (token_sha256, principal, expires_at) VALUES ($1, $2, $3)
