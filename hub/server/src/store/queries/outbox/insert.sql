INSERT INTO outbox (request_id, kind, lane, lane_seq, message_id, attempt, created_at)
SELECT r.request_id, $2, r.lane, r.lane_seq, r.message_id, r.attempt, clock_timestamp()
FROM request r
WHERE r.request_id = ANY ($1)
ORDER BY r.lane, r.lane_seq
