SELECT r.request_id, r.sender, r.state, r.unit_key
FROM unnest($1::uuid[], $2::text[]) AS asked (request_id, sender)
JOIN request r ON r.request_id = asked.request_id AND r.sender = asked.sender
