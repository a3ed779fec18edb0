WITH open AS (
    UPDATE matter
    SET entries = entries + 1, closed_at = CASE WHEN $10 THEN $3::timestamptz END
    WHERE matter_id = $1 AND kind = $2 AND closed_at IS NULL
    RETURNING entries
)
INSERT INTO matter_entry (matter_id, n, at, actor, role, kind, text, document_sha256, document_name)
SELECT $1, entries, $3, $4, $5, $6, $7, $8, $9 FROM open
RETURNING n
