SELECT unit_key, report FROM unit_event WHERE unit_key = ANY ($1) AND report IS NOT NULL ORDER BY unit_key, n
