WITH entry AS (
    SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::timestamptz[], $5::text[], $6::text[])
        AS e (request_id, n, state, at, actor, cause)
),
logged AS (
    INSERT INTO request_state (request_id, n, state, at, actor, cause)
    SELECT request_id, n, state, at, actor, cause FROM entry
)
UPDATE request r
SET state = e.state, state_n = e.n
FROM (SELECT DISTINCT ON (request_id) request_id, n, state FROM entry ORDER BY request_id, n DESC) e
WHERE r.request_id = e.request_id
