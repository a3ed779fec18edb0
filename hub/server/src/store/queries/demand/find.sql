SELECT d.sender, d.demand_id, d.body_sha256, d.answer
FROM unnest($1::text[], $2::text[]) AS asked (sender, demand_id)
JOIN demand d ON d.sender = asked.sender AND d.demand_id = asked.demand_id
