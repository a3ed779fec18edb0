INSERT INTO parked_message (at, queue, code, reason, message_id, user_id, routing_key, body, body_sha256)
VALUES (clock_timestamp(), $1, $2, $3, $4, $5, $6, $7, sha256($7))
ON CONFLICT (body_sha256) DO NOTHING
