SELECT token_sha256, created_at, expires_at, revoked_at FROM credential WHERE principal = $1 ORDER BY created_at
