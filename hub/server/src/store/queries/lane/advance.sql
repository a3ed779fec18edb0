INSERT INTO lane (lane, last_seq)
SELECT lane, count(*) FROM unnest($1::text[]) AS asked (lane) GROUP BY lane ORDER BY lane
ON CONFLICT (lane) DO UPDATE SET last_seq = lane.last_seq + excluded.last_seq
RETURNING lane.lane, lane.last_seq, clock_timestamp() AS at
