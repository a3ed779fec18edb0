SELECT closed_at FROM matter WHERE matter_id = $1 AND kind = $2
