SELECT 'time does not grow with the number' AS what, registry || ' no ' || no || ': ' || before || ' then ' || recorded_at AS subject
FROM (SELECT registry, no, recorded_at, lag(recorded_at) OVER (PARTITION BY registry ORDER BY no) AS before FROM inv_receipt) c
WHERE before >= recorded_at
