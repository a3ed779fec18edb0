SELECT 'receipt of a request that never was delivered' AS what, c.request_id::text AS subject FROM inv_receipt c
WHERE NOT EXISTS (SELECT FROM inv_state s WHERE s.request_id = c.request_id AND s.state = 'delivered')
UNION ALL
SELECT 'delivered without a receipt', s.request_id::text FROM inv_state s
WHERE s.state = 'delivered' AND NOT EXISTS (SELECT FROM inv_receipt c WHERE c.request_id = s.request_id)
