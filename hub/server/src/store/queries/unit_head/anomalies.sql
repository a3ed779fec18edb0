SELECT anomalies FROM unit_head WHERE unit_key = $1
