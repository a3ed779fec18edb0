UPDATE unit_head h
SET last_n = i.last_n, recorded_at = i.recorded_at, anomalies = i.anomalies
FROM unnest($1::text[], $2::int[], $3::timestamptz[], $4::jsonb[]) AS i (unit_key, last_n, recorded_at, anomalies)
WHERE h.unit_key = i.unit_key
