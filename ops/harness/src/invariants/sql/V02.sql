-- The transitions are written down here a second time on purpose: the hub's own table is what is being checked.
SELECT 'the log does not begin with in_flight' AS what, request_id || ' n=' || n || ' ' || state AS subject
FROM (SELECT *, row_number() OVER (PARTITION BY request_id ORDER BY n) AS place FROM inv_state) s
WHERE place = 1 AND (n <> 1 OR state <> 'in_flight')
UNION ALL
SELECT 'gap in the log', request_id || ' n=' || n
FROM (SELECT *, lag(n) OVER (PARTITION BY request_id ORDER BY n) AS before FROM inv_state) s
WHERE before IS NOT NULL AND n <> before + 1
UNION ALL
SELECT 'no such transition', request_id || ' n=' || n || ' ' || before || ' to ' || state
FROM (SELECT *, lag(state) OVER (PARTITION BY request_id ORDER BY n) AS before FROM inv_state) s
WHERE before IS NOT NULL AND (before, state) NOT IN (
    ('in_flight', 'delivered'), ('in_flight', 'returned'), ('in_flight', 'undelivered'),
    ('delivered', 'registered'), ('delivered', 'returned'), ('delivered', 'withdrawn'),
    ('undelivered', 'in_flight'), ('undelivered', 'closed'))
UNION ALL
SELECT 'the last entry is not the state', r.request_id || ' is ' || r.state || ', its log ends with ' || coalesce(s.state, 'nothing')
FROM inv_request r
LEFT JOIN LATERAL (SELECT state FROM inv_state s WHERE s.request_id = r.request_id ORDER BY n DESC LIMIT 1) s ON true
WHERE s.state IS DISTINCT FROM r.state
