WITH again AS (
    SELECT i.id, i.request_id, i.at, r.province, format('returned again; corrects request %s, which was returned too', p.request_id) AS text
    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS i (id, request_id, at)
    JOIN request r USING (request_id)
    JOIN request p ON p.request_id = r.prior_request_id
    WHERE p.state = 'returned'
),
matter AS (
    INSERT INTO matter (matter_id, kind, opened_at, opened_by, entries) SELECT id, 'issue', at, 'hub', 1 FROM again
),
entry AS (
    INSERT INTO matter_entry (matter_id, n, at, actor, role, kind, text) SELECT id, 1, at, 'hub', 'hub', 'opened', text FROM again
)
INSERT INTO issue (issue_id, cause, province, request_id, subject) SELECT id, 'returned_again', province, request_id, text FROM again
