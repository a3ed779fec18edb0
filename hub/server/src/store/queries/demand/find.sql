SELECT body_sha256, answer FROM demand WHERE sender = $1 AND demand_id = $2
