SELECT unit_key, last_n, recorded_at, anomalies FROM unit_head WHERE unit_key = ANY ($1) ORDER BY unit_key FOR UPDATE
