-- Stronger than two receipts in the wrong order: an earlier demand that is still on its way has been overtaken as well.
SELECT 'overtaken without an event' AS what, a.lane || ': ' || a.lane_seq || ' (' || a.request_id || ') by ' || b.lane_seq || ' (' || b.request_id || ')' AS subject
FROM inv_request b
JOIN inv_receipt rb ON rb.request_id = b.request_id
JOIN inv_request a ON a.lane = b.lane AND a.lane_seq < b.lane_seq
LEFT JOIN inv_receipt ra ON ra.request_id = a.request_id
WHERE (ra.no > rb.no OR (ra.no IS NULL AND a.state IN ('in_flight', 'undelivered')))
  AND NOT EXISTS (SELECT FROM inv_event e
                  WHERE e.request_id = a.request_id AND e.kind IN ('parked', 'overtaken') AND e.at <= rb.recorded_at)
