UPDATE principal SET disabled_at = clock_timestamp() WHERE name = $1 AND disabled_at IS NULL
