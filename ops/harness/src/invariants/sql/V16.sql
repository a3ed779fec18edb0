SELECT 'the application role may change receipts' AS what, privilege AS subject
FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
WHERE has_table_privilege('xiezhi_app', 'receipt', privilege)
UNION ALL
SELECT 'the application role may change receipts', 'UPDATE of one column'
WHERE has_any_column_privilege('xiezhi_app', 'receipt', 'UPDATE') AND NOT has_table_privilege('xiezhi_app', 'receipt', 'UPDATE')
