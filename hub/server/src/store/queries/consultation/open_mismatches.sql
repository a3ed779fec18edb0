WITH mismatch AS (
    SELECT i.*
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[])
        AS i (id, request_id, province, subject, text, at, actor)
    WHERE NOT EXISTS (SELECT FROM consultation c WHERE c.request_id = i.request_id AND c.cause = 'register_mismatch')
),
matter AS (
    INSERT INTO matter (matter_id, kind, opened_at, opened_by, entries)
    SELECT id, 'consultation', at, actor, 1 FROM mismatch
),
entry AS (
    INSERT INTO matter_entry (matter_id, n, at, actor, role, kind, text)
    SELECT id, 1, at, actor, 'registry', 'opened', text FROM mismatch
)
INSERT INTO consultation (consultation_id, cause, level, province, request_id, subject)
SELECT id, 'register_mismatch', 'province', province, request_id, subject FROM mismatch
