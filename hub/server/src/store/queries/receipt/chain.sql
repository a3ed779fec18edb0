SELECT registry, no, request_id, message_id, body_sha256, channel, delivered_at, recorded_at, prev_hash, hash
FROM receipt
WHERE registry = $1 AND no > $2
ORDER BY no
LIMIT $3
