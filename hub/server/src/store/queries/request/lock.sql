SELECT request_id, sender, kind, province, registry, lane, lane_seq, message_id, body_sha256, state, state_n, attempt
FROM request
WHERE request_id = ANY ($1)
ORDER BY request_id
FOR UPDATE
