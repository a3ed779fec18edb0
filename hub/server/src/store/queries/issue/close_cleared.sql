-- A request may have several disagreements: the issue ends with the last of them.
WITH cleared AS (
    SELECT c.request_id, max(c.at) AS at
    FROM unnest($1::uuid[], $2::timestamptz[]) AS c (request_id, at)
    GROUP BY c.request_id
    HAVING (SELECT count(*) FILTER (WHERE e.kind = 'order_anomaly') - count(*) FILTER (WHERE e.kind = 'order_anomaly_cleared')
            FROM event e
            WHERE e.request_id = c.request_id) <= 0
),
ended AS (
    UPDATE matter m
    SET entries = m.entries + 1, closed_at = c.at
    FROM issue i
    JOIN cleared c USING (request_id)
    WHERE i.cause = 'order_anomaly' AND m.matter_id = i.issue_id AND m.closed_at IS NULL
    RETURNING m.matter_id, m.entries, m.closed_at
)
INSERT INTO matter_entry (matter_id, n, at, actor, role, kind, text)
SELECT matter_id, entries, closed_at, 'hub', 'hub', 'closed', 'the register agrees with the order of delivery again' FROM ended
