-- Instants of UTC written with a Z and no needless zeros are in order as texts without it.
SELECT request_id, seizure ->> 'stand' IN ('formal', 'waiting') AS stands, seizure ->> 'stand' = 'waiting' AS waits
FROM unit_seizure
WHERE unit_key = $1
ORDER BY rtrim(seizure ->> 'registered_at', 'Z') COLLATE "C", (seizure ->> 'seq')::bigint
