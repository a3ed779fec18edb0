UPDATE outage SET ended_at = $2, ended_by = $3, end_reason = $4
WHERE outage_id = $1 AND ended_at IS NULL AND began_at <= $2
