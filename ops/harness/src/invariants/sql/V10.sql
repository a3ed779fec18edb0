SELECT 'numbers are not 1 to N' AS what, registry || ': ' || min(no) || ' to ' || max(no) || ', ' || count(*) || ' receipts' AS subject
FROM inv_receipt GROUP BY registry HAVING min(no) <> 1 OR max(no) <> count(*)
