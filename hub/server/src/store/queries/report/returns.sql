SELECT reason AS key, count(*) AS count
FROM request r
JOIN outcome o ON o.request_id = r.request_id AND o.disposition = 'effective' AND o.outcome IN ('returned', 'withdrawn')
CROSS JOIN LATERAL jsonb_array_elements_text(o.body -> 'reasons') AS reason
WHERE r.accepted_at >= $1 AND r.accepted_at < $2 AND ($3::text IS NULL OR r.province = $3)
GROUP BY reason
ORDER BY count DESC, reason
