-- Once for each end of the loaded years, however many hubs look at it.
INSERT INTO event (at, kind, request_id, detail)
SELECT clock_timestamp(), 'calendar_ends', NULL, jsonb_build_object('last', $1::text)
WHERE NOT EXISTS (SELECT FROM event WHERE kind = 'calendar_ends' AND detail ->> 'last' = $1)
