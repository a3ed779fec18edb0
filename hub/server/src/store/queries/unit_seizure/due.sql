SELECT unit_key
FROM unit_seizure
WHERE lapses_at <= $1
GROUP BY unit_key
ORDER BY unit_key
LIMIT $2
