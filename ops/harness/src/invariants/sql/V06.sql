SELECT 'request without its first state' AS what, r.request_id::text AS subject FROM inv_request r
WHERE NOT EXISTS (SELECT FROM inv_state s WHERE s.request_id = r.request_id AND s.n = 1)
UNION ALL
SELECT 'request of the network without an outbox row', r.request_id::text FROM inv_request r JOIN inv_channel c USING (request_id)
WHERE c.channel = 'net' AND NOT EXISTS (SELECT FROM inv_outbox o WHERE o.request_id = r.request_id AND o.kind = 'first')
UNION ALL
SELECT 'outbox row of a request that its registry holds already', o.outbox_id || ' of ' || o.request_id
FROM inv_outbox o JOIN inv_channel c USING (request_id) WHERE c.channel <> 'net'
UNION ALL
SELECT 'request of another channel without a receipt of that channel', c.request_id || ' ' || c.channel FROM inv_channel c
WHERE c.channel <> 'net' AND NOT EXISTS (SELECT FROM inv_receipt i WHERE i.request_id = c.request_id AND i.channel = c.channel)
UNION ALL
SELECT 'state of no request', s.request_id::text FROM inv_state s
WHERE NOT EXISTS (SELECT FROM inv_request r WHERE r.request_id = s.request_id)
UNION ALL
SELECT 'outbox row of no request', o.outbox_id || ' of ' || o.request_id FROM inv_outbox o
WHERE NOT EXISTS (SELECT FROM inv_request r WHERE r.request_id = o.request_id)
