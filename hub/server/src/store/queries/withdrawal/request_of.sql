SELECT w.request_id
FROM withdrawal w
JOIN request r USING (request_id)
WHERE w.withdrawal_id = $1 AND r.province = $2
