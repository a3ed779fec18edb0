SELECT 'stored twice' AS what, request_id::text AS subject FROM inv_request GROUP BY request_id HAVING count(*) > 1
UNION ALL
SELECT 'in no known state', request_id || ' is ' || coalesce(state, 'null') FROM inv_request
WHERE state IS NULL
   OR state NOT IN ('in_flight', 'delivered', 'registered', 'returned', 'withdrawn', 'undelivered', 'closed')
