SELECT request_id, registry, no, delivered_at, recorded_at, encode(hash, 'hex') AS hash, attempt, push_started_at,
       push_answered_at, channel, evidence_id
FROM receipt
WHERE request_id = ANY ($1)
ORDER BY request_id, no
