SELECT 'received after the end' AS what, s.request_id || ' was ' || s.state || ' at ' || s.at AS subject
FROM inv_state s JOIN inv_receipt c USING (request_id)
WHERE s.state = 'closed' OR (s.state IN ('returned', 'withdrawn') AND c.recorded_at > s.at)
UNION ALL
SELECT 'something left a final state', s.request_id || ' n=' || s.n || ' after ' || s.state
FROM inv_state s
WHERE s.state IN ('closed', 'returned', 'withdrawn', 'registered')
  AND EXISTS (SELECT FROM inv_state later WHERE later.request_id = s.request_id AND later.n > s.n)
UNION ALL
SELECT 'left undelivered without a decision', s.request_id || ' n=' || s.n || ' to ' || s.state || ' by ' || s.actor
FROM (SELECT *, lag(state) OVER (PARTITION BY request_id ORDER BY n) AS before FROM inv_state) s
WHERE before = 'undelivered'
  AND NOT EXISTS (SELECT FROM inv_dead d
                  WHERE d.request_id = s.request_id AND d.decided_by = s.actor
                    AND d.status = CASE s.state WHEN 'in_flight' THEN 'replayed' ELSE 'closed' END)
UNION ALL
SELECT 'withdrawn without the wish of its court, or a wish that took effect alone', r.request_id::text
FROM inv_request r
LEFT JOIN inv_withdrawal w ON w.request_id = r.request_id AND w.state = 'agreed'
WHERE (r.state = 'withdrawn') <> (w.withdrawal_id IS NOT NULL)
UNION ALL
SELECT 'a wish outlived its request', w.withdrawal_id || ' of ' || w.request_id
FROM inv_withdrawal w JOIN inv_request r USING (request_id)
WHERE w.state = 'open' AND r.state IN ('closed', 'returned', 'withdrawn', 'registered')
