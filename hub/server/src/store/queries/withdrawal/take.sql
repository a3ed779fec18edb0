UPDATE withdrawal SET taking = $2, taken_at = $3
WHERE withdrawal_id = $1 AND taking IS NULL
RETURNING state
