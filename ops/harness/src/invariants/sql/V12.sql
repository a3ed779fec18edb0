-- The point-to-point and window channels bring their evidence with them when they exist; until then any of their receipts is wrong.
SELECT 'a network receipt delivered at another time than it was recorded' AS what, registry || ' no ' || no AS subject
FROM inv_receipt WHERE channel = 'net' AND delivered_at <> recorded_at
UNION ALL
SELECT 'delivered after it was recorded', registry || ' no ' || no FROM inv_receipt WHERE delivered_at > recorded_at
UNION ALL
SELECT 'a channel that does not exist yet', registry || ' no ' || no || ' ' || channel FROM inv_receipt WHERE channel <> 'net'
