SELECT 'no unique constraint over' AS what, array_to_string(wanted.columns, ', ') AS subject
FROM (VALUES (ARRAY['registry', 'request_id']), (ARRAY['message_id', 'registry'])) AS wanted (columns)
WHERE NOT EXISTS (
    SELECT FROM pg_index i
    WHERE i.indrelid = 'receipt'::regclass AND i.indisunique AND i.indpred IS NULL AND i.indisvalid
      AND wanted.columns = (SELECT array_agg(a.attname::text ORDER BY a.attname)
                            FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)))
UNION ALL
SELECT 'several receipts for one request and registry', registry || ' ' || request_id
FROM inv_receipt GROUP BY registry, request_id HAVING count(*) > 1
UNION ALL
SELECT 'several receipts for one message and registry', registry || ' ' || message_id
FROM inv_receipt GROUP BY registry, message_id HAVING count(*) > 1
