SELECT 'sent under several message ids' AS what, request_id::text AS subject
FROM inv_outbox GROUP BY request_id HAVING count(DISTINCT message_id) > 1
UNION ALL
SELECT 'sent for the first time twice', request_id::text
FROM inv_outbox WHERE kind = 'first' GROUP BY request_id HAVING count(*) > 1
UNION ALL
SELECT 'replays in the outbox do not match those of the log', o.request_id || ': ' || o.sent || ' sent, ' || coalesce(s.decided, 0) || ' decided'
FROM (SELECT request_id, count(*) FILTER (WHERE kind = 'replay') AS sent FROM inv_outbox GROUP BY request_id) o
LEFT JOIN (SELECT request_id, count(*) FILTER (WHERE state = 'in_flight' AND n > 1) AS decided FROM inv_state GROUP BY request_id) s
  USING (request_id)
WHERE o.sent <> coalesce(s.decided, 0)
UNION ALL
SELECT 'receipt of another message than was sent', c.registry || ' no ' || c.no
FROM inv_receipt c
WHERE c.channel = 'net'
  AND NOT EXISTS (SELECT FROM inv_outbox o WHERE o.request_id = c.request_id AND o.message_id = c.message_id)
