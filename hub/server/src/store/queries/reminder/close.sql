UPDATE reminder r
SET closed_at = $3, closed_because = i.because
FROM unnest($1::bigint[], $2::text[]) AS i (reminder_id, because)
WHERE r.reminder_id = i.reminder_id AND r.closed_at IS NULL
