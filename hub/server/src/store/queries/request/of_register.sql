SELECT request_id, unit_key, province, kind, case_number, original_case_number, accepted_at,
       CASE WHEN kind = 'lifting' THEN body END AS lifting
FROM request
WHERE request_id = ANY ($1)
