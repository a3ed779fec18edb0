SELECT d.size, d.media_type
FROM document d
WHERE d.sha256 = $1
  AND EXISTS (
    SELECT 1
    FROM request_document rd
    JOIN request r ON r.request_id = rd.request_id
    WHERE rd.sha256 = d.sha256 AND r.province = $2 AND ($3::uuid IS NULL OR r.request_id = $3)
  )
