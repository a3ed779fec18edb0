-- What became of the requests accepted in a span, by each way of sorting them. The state is that of the append-only log.
WITH cohort AS (
    SELECT r.kind, coalesce(c.channel, 'net') AS channel, r.court_code AS court, r.province, r.registry, last.state,
           o.body #>> '{registration,status}' AS standing,
           c.request_id IS NOT NULL AS received,
           EXISTS (SELECT FROM dead_letter d WHERE d.request_id = r.request_id) AS was_undelivered,
           CASE WHEN c.channel = 'net' THEN extract(epoch FROM c.delivered_at - r.accepted_at) END::float8 AS waited,
           o.due_at, o.fed_back_at
    FROM request r
    JOIN LATERAL (SELECT s.state FROM request_state s WHERE s.request_id = r.request_id ORDER BY s.n DESC LIMIT 1) AS last ON true
    LEFT JOIN receipt c ON c.request_id = r.request_id
    LEFT JOIN outcome o ON o.request_id = r.request_id AND o.disposition = 'effective'
    WHERE r.accepted_at >= $1 AND r.accepted_at < $2 AND ($3::text IS NULL OR r.province = $3)
)
SELECT CASE
           WHEN grouping(kind) = 0 THEN 'kind'
           WHEN grouping(channel) = 0 THEN 'channel'
           WHEN grouping(court) = 0 THEN 'court'
           WHEN grouping(province) = 0 THEN 'province'
           WHEN grouping(registry) = 0 THEN 'registry'
           ELSE 'all'
       END AS sorted_by,
       coalesce(kind, channel, court, province, registry, '') AS key,
       count(*) AS accepted,
       count(*) FILTER (WHERE received) AS received,
       count(*) FILTER (WHERE state = 'registered' AND standing = 'formal') AS registered_formal,
       count(*) FILTER (WHERE state = 'registered' AND standing = 'waiting') AS registered_waiting,
       count(*) FILTER (WHERE state = 'registered' AND standing = 'lifted') AS lifted,
       count(*) FILTER (WHERE state = 'returned') AS returned,
       count(*) FILTER (WHERE state = 'withdrawn') AS withdrawn,
       count(*) FILTER (WHERE state = 'in_flight') AS in_flight,
       count(*) FILTER (WHERE state = 'delivered') AS undecided,
       count(*) FILTER (WHERE state = 'undelivered') AS undelivered,
       count(*) FILTER (WHERE state = 'closed') AS closed,
       count(*) FILTER (WHERE was_undelivered) AS ever_undelivered,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY waited) AS wait_p50,
       percentile_cont(0.99) WITHIN GROUP (ORDER BY waited) AS wait_p99,
       max(waited) AS wait_max,
       count(*) FILTER (WHERE due_at IS NOT NULL) AS results_due,
       count(*) FILTER (WHERE fed_back_at <= due_at) AS results_on_time
FROM cohort
GROUP BY GROUPING SETS ((), (kind), (channel), (court), (province), (registry))
ORDER BY 1, 2
