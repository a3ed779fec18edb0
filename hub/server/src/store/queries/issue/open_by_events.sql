WITH asked AS (
    SELECT DISTINCT ON (i.request_id, i.cause) i.*, r.province
    FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[])
        AS i (id, cause, request_id, subject, text, at)
    JOIN request r USING (request_id)
    WHERE NOT EXISTS (SELECT
                      FROM issue o
                      JOIN matter m ON m.matter_id = o.issue_id
                      WHERE o.request_id = i.request_id AND o.cause = i.cause AND m.closed_at IS NULL)
    ORDER BY i.request_id, i.cause, i.at, i.id
),
matter AS (
    INSERT INTO matter (matter_id, kind, opened_at, opened_by, entries) SELECT id, 'issue', at, 'hub', 1 FROM asked
),
entry AS (
    INSERT INTO matter_entry (matter_id, n, at, actor, role, kind, text) SELECT id, 1, at, 'hub', 'hub', 'opened', text FROM asked
)
INSERT INTO issue (issue_id, cause, province, request_id, subject) SELECT id, cause, province, request_id, subject FROM asked
