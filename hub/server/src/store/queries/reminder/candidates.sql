-- Requests of which a timer may run or a reminder may have to end. Coarse: what stands is decided by the timers.
SELECT request_id FROM request WHERE state IN ('in_flight', 'delivered') AND accepted_at <= $1
UNION
SELECT request_id FROM outcome WHERE disposition = 'early'
UNION
SELECT request_id FROM outcome WHERE disposition = 'effective' AND outcome = 'returned' AND received_at > $2
UNION
SELECT request_id FROM reminder WHERE closed_at IS NULL
