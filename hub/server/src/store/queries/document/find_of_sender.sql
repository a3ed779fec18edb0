SELECT d.size, d.media_type
FROM document d
JOIN document_owner o ON o.sha256 = d.sha256
WHERE d.sha256 = $1 AND o.sender = $2
