SELECT 'several outcomes in effect' AS what, request_id::text AS subject
FROM inv_result WHERE effective GROUP BY request_id HAVING count(*) > 1
UNION ALL
SELECT 'a contradiction without a dispute', e.request_id || ' n=' || e.n
FROM inv_result e
WHERE NOT e.effective AND EXISTS (SELECT FROM inv_result o WHERE o.request_id = e.request_id AND o.effective)
  AND NOT EXISTS (SELECT FROM inv_event v WHERE v.request_id = e.request_id AND v.kind = 'dispute')
