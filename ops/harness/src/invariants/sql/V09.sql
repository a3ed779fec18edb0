SELECT 'confirmed by the broker, yet without receipt, dead letter, return or queue' AS what, o.message_id || ' of ' || r.request_id || ' for ' || r.registry AS subject
FROM inv_outbox o JOIN inv_request r USING (request_id)
WHERE o.confirmed_at IS NOT NULL AND r.state NOT IN ('closed', 'returned')
  AND NOT EXISTS (SELECT FROM inv_receipt c WHERE c.message_id = o.message_id)
  AND NOT EXISTS (SELECT FROM inv_dead d WHERE d.message_id = o.message_id)
UNION ALL
SELECT 'receipt of a message that was never confirmed', c.message_id || ' of ' || c.request_id
FROM inv_receipt c
WHERE c.channel = 'net'
  AND NOT EXISTS (SELECT FROM inv_outbox o WHERE o.message_id = c.message_id AND o.confirmed_at IS NOT NULL)
