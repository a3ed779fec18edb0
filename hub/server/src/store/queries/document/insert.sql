WITH stored AS (
    INSERT INTO document (sha256, size, media_type) VALUES ($1, $2, $3)
    ON CONFLICT (sha256) DO NOTHING
)
SELECT size, media_type FROM document WHERE sha256 = $1
