-- A reminder that ended and stands again is opened again and told to nobody a second time.
INSERT INTO reminder AS r (request_id, kind, level, addressee, due_at, created_at)
SELECT i.*, $6 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) AS i
ON CONFLICT (request_id, kind, addressee, level, due_at)
    DO UPDATE SET closed_at = NULL, closed_because = NULL WHERE r.closed_at IS NOT NULL
RETURNING request_id, kind, level, addressee, due_at, xmax::text = '0' AS fresh
