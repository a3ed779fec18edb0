UPDATE credential SET revoked_at = clock_timestamp()
WHERE principal = $1 AND revoked_at IS NULL AND starts_with(encode(token_sha256, 'hex'), $2)
