UPDATE dead_letter SET released_at = clock_timestamp() WHERE dead_id = ANY ($1) AND released_at IS NULL
