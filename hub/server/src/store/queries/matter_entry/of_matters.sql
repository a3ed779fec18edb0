SELECT matter_id, n, at, actor, role, kind, text, document_sha256, document_name
FROM matter_entry
WHERE matter_id = ANY ($1)
ORDER BY matter_id, n
