SELECT p.name, p.role, p.province, p.registry, p.created_at, p.disabled_at,
       (SELECT count(*) FROM credential c
        WHERE c.principal = p.name AND c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > clock_timestamp()))
FROM principal p
ORDER BY p.name
