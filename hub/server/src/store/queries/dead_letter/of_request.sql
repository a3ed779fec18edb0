SELECT request_id, attempt, tier, cause, code, first_at, status, decided_at, reason
FROM dead_letter
WHERE request_id = ANY ($1)
ORDER BY request_id, dead_id
