SELECT DISTINCT later.request_id AS later_id, earlier.request_id AS earlier_id, earlier.state
FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS later (request_id, lane, lane_seq)
JOIN request earlier
    ON earlier.lane = later.lane
    AND earlier.lane_seq < later.lane_seq
    AND earlier.state IN ('in_flight', 'undelivered')
WHERE NOT EXISTS (SELECT FROM event e WHERE e.request_id = earlier.request_id AND e.kind = 'overtaken')
