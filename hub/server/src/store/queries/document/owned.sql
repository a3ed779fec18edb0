SELECT d.sha256, d.size, d.media_type
FROM document d
JOIN document_owner o ON o.sha256 = d.sha256
WHERE o.sender = $1 AND d.sha256 = ANY ($2)
