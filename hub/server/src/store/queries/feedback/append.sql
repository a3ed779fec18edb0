WITH input AS (
    SELECT i.place, i.request_id, i.body, r.sender, r.demand_id, r.unit_index, r.registry
    FROM unnest($1::uuid[], $2::jsonb[]) WITH ORDINALITY AS i (request_id, body, place)
    LEFT JOIN request r ON r.request_id = i.request_id
    -- A court is answered on the channel by which it came; only the network's has a stream here.
    WHERE r.channel IS NULL OR r.channel = 'net'
),
head AS (
    INSERT INTO feedback_head AS h (sender, last_seq)
    SELECT sender, count(*) FROM input GROUP BY sender ORDER BY sender
    ON CONFLICT (sender) DO UPDATE SET last_seq = h.last_seq + excluded.last_seq
    RETURNING h.sender, h.last_seq
),
written AS (
    INSERT INTO feedback (sender, seq, at, request_id, demand_id, unit_index, registry, body)
    SELECT i.sender,
           head.last_seq - count(*) OVER (PARTITION BY i.sender) + row_number() OVER (PARTITION BY i.sender ORDER BY i.place),
           clock_timestamp(), i.request_id, i.demand_id, i.unit_index, i.registry, i.body
    FROM input i
    JOIN head ON head.sender = i.sender
    RETURNING sender
)
SELECT pg_notify('xiezhi_feedback', sender) FROM (SELECT DISTINCT sender FROM written ORDER BY sender) AS told
