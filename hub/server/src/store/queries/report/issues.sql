-- Issues opened in the span, as they stand now.
SELECT i.cause, count(*) AS opened,
       count(*) FILTER (WHERE m.closed_at IS NULL) AS open,
       count(*) FILTER (WHERE m.closed_at IS NULL AND i.due_on < (now() AT TIME ZONE 'Asia/Shanghai')::date) AS overdue
FROM issue i
JOIN matter m ON m.matter_id = i.issue_id
WHERE m.opened_at >= $1 AND m.opened_at < $2 AND ($3::text IS NULL OR i.province = $3)
GROUP BY i.cause
ORDER BY opened DESC, i.cause
