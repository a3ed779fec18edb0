UPDATE outcome o
SET disposition = i.disposition, fed_back_at = i.fed_back_at
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::timestamptz[]) AS i (request_id, n, disposition, fed_back_at)
WHERE o.request_id = i.request_id AND o.n = i.n
