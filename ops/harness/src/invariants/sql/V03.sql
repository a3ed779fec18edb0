SELECT 'in flight although everything has settled' AS what, r.request_id || ' for ' || r.registry || ' accepted ' || r.accepted_at
    || CASE WHEN EXISTS (SELECT FROM inv_outbox o WHERE o.request_id = r.request_id AND o.confirmed_at IS NULL)
            THEN ', in the outbox' ELSE ', its send was confirmed' END AS subject
FROM inv_request r WHERE r.state = 'in_flight'
UNION ALL
SELECT 'unconfirmed in the outbox although everything has settled', outbox_id || ' of ' || request_id
FROM inv_outbox WHERE confirmed_at IS NULL
UNION ALL
SELECT 'undelivered without an open dead letter', r.request_id::text FROM inv_request r
WHERE r.state = 'undelivered'
  AND NOT EXISTS (SELECT FROM inv_dead d WHERE d.request_id = r.request_id AND d.status = 'open')
UNION ALL
SELECT 'open dead letter of a request that is not undelivered', d.dead_id || ' of ' || d.request_id || ', which is ' || r.state
FROM inv_dead d JOIN inv_request r USING (request_id)
WHERE d.status = 'open' AND r.state <> 'undelivered'
