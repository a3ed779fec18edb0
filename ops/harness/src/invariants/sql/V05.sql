SELECT 'key used twice' AS what, sender || ' ' || idem_key AS subject
FROM inv_request GROUP BY sender, idem_key HAVING count(*) > 1
