SELECT asked.division,
       EXISTS (
           SELECT 1 FROM province p
           WHERE p.code = left(asked.division, 2) AND $2 BETWEEN p.valid_from AND coalesce(p.valid_to, 'infinity')
       ) AS province_takes_part,
       r.code AS registry
FROM unnest($1::text[]) AS asked (division)
LEFT JOIN registry_division d
       ON d.division = asked.division AND $2 BETWEEN d.valid_from AND coalesce(d.valid_to, 'infinity')
LEFT JOIN registry r
       ON r.code = d.registry AND $2 BETWEEN r.valid_from AND coalesce(r.valid_to, 'infinity')
