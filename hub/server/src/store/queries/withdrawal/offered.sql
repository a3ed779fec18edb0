SELECT w.withdrawal_id, w.request_id, w.message, r.sender, r.registry
FROM withdrawal w
JOIN request r USING (request_id)
WHERE w.state = 'open' AND w.taking IS NULL AND r.state = 'delivered' AND r.province = $1
  AND ($2::text[] IS NULL OR r.registry = ANY ($2))
ORDER BY w.asked_at, w.withdrawal_id
LIMIT $3
