SELECT p.dispute_id, p.request_id, p.court_code, p.place, r.sender, r.state
FROM dispute_request p
JOIN request r USING (request_id)
WHERE p.dispute_id = ANY ($1)
ORDER BY p.dispute_id, p.place NULLS LAST, p.request_id
