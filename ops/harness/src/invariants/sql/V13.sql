SELECT 'stamped with a clock error beyond the bound of 1 s' AS what, registry || ' no ' || no || ': ' || clock_err_us || ' us' AS subject
FROM inv_receipt WHERE clock_err_us > 1000000
UNION ALL
SELECT 'stamped in the future', registry || ' no ' || no || ' at ' || recorded_at
FROM inv_receipt WHERE recorded_at > clock_timestamp() + interval '1 second' + clock_err_us * interval '1 microsecond'
