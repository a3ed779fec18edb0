UPDATE outcome o
SET due_at = i.due_at
FROM unnest($1::uuid[], $2::int[], $3::timestamptz[]) AS i (request_id, n, due_at)
WHERE o.request_id = i.request_id AND o.n = i.n AND o.due_at IS NULL
RETURNING o.request_id, o.due_at, o.fed_back_at
