SELECT 'a resubmission received no later than what it corrects' AS what, r.request_id || ' corrects ' || r.prior_request_id AS subject
FROM inv_request r
JOIN inv_receipt later USING (request_id)
JOIN inv_receipt earlier ON earlier.request_id = r.prior_request_id
WHERE later.delivered_at <= earlier.delivered_at
UNION ALL
SELECT 'two receipts of one unit cannot be ordered', a.unit_key || ': ' || a.request_id || ' and ' || b.request_id
FROM (inv_receipt JOIN inv_request USING (request_id, registry)) a
JOIN (inv_receipt JOIN inv_request USING (request_id, registry)) b
  ON b.unit_key = a.unit_key AND b.registry = a.registry AND b.delivered_at = a.delivered_at AND b.request_id > a.request_id
  -- Instants that people or other systems state may be equal: then the number decides, which is never equal.
  AND (a.no = b.no OR (a.channel = 'net' AND b.channel = 'net'))
