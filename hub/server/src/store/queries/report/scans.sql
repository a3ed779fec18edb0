-- Documents sealed by colour scan, by court; a demand of several units counts once. Only a body that holds the words is read.
WITH sent AS (
    SELECT DISTINCT ON (r.sender, r.demand_id) r.court_code, r.body
    FROM request r
    WHERE r.accepted_at >= $1 AND r.accepted_at < $2 AND ($3::text IS NULL OR r.province = $3)
    ORDER BY r.sender, r.demand_id, r.unit_index
),
counted AS (
    SELECT court_code,
           CASE
               WHEN position('colour_scan'::bytea IN body) > 0 THEN (
                   SELECT count(*)
                   FROM jsonb_array_elements(convert_from(body, 'UTF8')::jsonb -> 'attachments') AS paper
                   WHERE paper ->> 'seal' = 'colour_scan')
               ELSE 0
           END AS documents
    FROM sent
)
SELECT court_code AS organisation, count(*) AS demands, sum(documents)::bigint AS documents
FROM counted
WHERE documents > 0
GROUP BY court_code
ORDER BY documents DESC, court_code
