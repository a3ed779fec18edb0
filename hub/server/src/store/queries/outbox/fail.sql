UPDATE outbox o SET tries = o.tries + 1, last_error = i.error
FROM unnest($1::bigint[], $2::text[]) AS i (outbox_id, error)
WHERE o.outbox_id = i.outbox_id AND o.confirmed_at IS NULL
