UPDATE feedback_queue q
SET last_error = f.why
FROM unnest($1::text[], $2::text[]) AS f (sender, why)
WHERE q.sender = f.sender
