SELECT p.name, p.role, p.province,
       c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > clock_timestamp()) AND p.disabled_at IS NULL AS works
FROM credential c
JOIN principal p ON p.name = c.principal
WHERE c.token_sha256 = $1
