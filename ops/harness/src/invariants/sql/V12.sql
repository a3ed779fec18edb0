SELECT 'a network receipt delivered at another time than it was recorded' AS what, registry || ' no ' || no AS subject
FROM inv_receipt WHERE channel = 'net' AND delivered_at <> recorded_at
UNION ALL
SELECT 'delivered after it was recorded', registry || ' no ' || no FROM inv_receipt WHERE delivered_at > recorded_at
UNION ALL
SELECT 'a channel that does not exist', registry || ' no ' || no || ' ' || channel FROM inv_receipt
WHERE channel NOT IN ('net', 'p2p', 'window')
UNION ALL
SELECT 'an instant before the recording without evidence', c.registry || ' no ' || c.no || ' ' || c.channel
FROM inv_receipt c
WHERE c.channel <> 'net'
  AND NOT EXISTS (SELECT FROM inv_evidence e
                  WHERE e.registry = c.registry AND e.no = c.no AND e.channel = c.channel AND e.instant = c.delivered_at)
UNION ALL
SELECT 'recorded later than the published bound', c.registry || ' no ' || c.no || ' ' || c.channel
FROM inv_receipt c JOIN inv_evidence e ON e.registry = c.registry AND e.no = c.no
WHERE c.recorded_at - c.delivered_at > e.bound_secs * interval '1 second'
UNION ALL
SELECT 'entered late without reason, proof or a second person', registry || ' no ' || no
FROM inv_evidence
WHERE late AND (reason IS NULL OR document IS NULL OR second_person IS NULL OR second_person = first_person)
UNION ALL
-- Whoever was received earlier by number and later by instant, and had a rank when the line was written, was moved.
SELECT 'moved without an event that names it', b.request_id || ' by ' || a.request_id
FROM (inv_receipt JOIN inv_request USING (request_id, registry)) a
JOIN (inv_receipt JOIN inv_request USING (request_id, registry)) b
  ON b.unit_key = a.unit_key AND b.registry = a.registry AND b.no < a.no AND b.delivered_at > a.delivered_at
WHERE NOT EXISTS (SELECT FROM inv_state s
                  WHERE s.request_id = b.request_id AND s.state IN ('returned', 'withdrawn') AND s.at <= a.recorded_at)
  AND NOT EXISTS (SELECT FROM inv_event e
                  WHERE e.request_id = a.request_id AND e.kind = 'order_changed'
                    AND e.detail -> 'moved' @> jsonb_build_array(jsonb_build_object('request_id', b.request_id)))
UNION ALL
SELECT 'passed what was registered without an alarm', a.request_id || ' past ' || b.request_id
FROM (inv_receipt JOIN inv_request USING (request_id, registry)) a
JOIN (inv_receipt JOIN inv_request USING (request_id, registry)) b
  ON b.unit_key = a.unit_key AND b.registry = a.registry AND b.no < a.no AND b.delivered_at > a.delivered_at
WHERE EXISTS (SELECT FROM inv_state s WHERE s.request_id = b.request_id AND s.state = 'registered' AND s.at < a.recorded_at)
  AND NOT EXISTS (SELECT FROM inv_event e
                  WHERE e.request_id = a.request_id AND e.kind = 'order_conflict'
                    AND e.detail -> 'registered' @> jsonb_build_array(b.request_id))
UNION ALL
SELECT 'a lower channel without a reason', request_id || ' ' || channel
FROM inv_channel WHERE channel <> 'net' AND coalesce(channel_reason, '') = ''
