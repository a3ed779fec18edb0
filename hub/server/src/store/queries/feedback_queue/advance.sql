UPDATE feedback_queue q
SET published_seq = a.reached, published_at = clock_timestamp(), last_error = NULL
FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS a (sender, begun, reached)
WHERE q.sender = a.sender AND q.published_seq = a.begun
