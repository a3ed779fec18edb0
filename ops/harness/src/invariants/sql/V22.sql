SELECT 'several outcomes in effect' AS what, request_id::text AS subject
FROM inv_result WHERE effective GROUP BY request_id HAVING count(*) > 1
UNION ALL
SELECT 'a contradiction without a dispute', e.request_id || ' n=' || e.n
FROM inv_result e
WHERE NOT e.effective AND EXISTS (SELECT FROM inv_result o WHERE o.request_id = e.request_id AND o.effective)
  AND NOT EXISTS (SELECT FROM inv_event v WHERE v.request_id = e.request_id AND v.kind = 'dispute')
UNION ALL
SELECT 'fed back late without an overdue event', l.request_id || ' n=' || l.n
FROM inv_result l
WHERE l.fed_back_at > l.due_at
  AND NOT EXISTS (SELECT FROM inv_event v WHERE v.request_id = l.request_id AND v.kind = 'overdue')
