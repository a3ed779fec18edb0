WITH matter AS (
    INSERT INTO matter (matter_id, kind, opened_at, opened_by, entries) VALUES ($1, $2, $3, $4, 1)
)
INSERT INTO matter_entry (matter_id, n, at, actor, role, kind, text) VALUES ($1, 1, $3, $4, $5, 'opened', $6)
