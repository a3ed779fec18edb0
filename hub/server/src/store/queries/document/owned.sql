SELECT asked.sender, d.sha256, d.size, d.media_type
FROM unnest($1::text[], $2::text[]) AS asked (sender, sha256)
JOIN document_owner o ON o.sha256 = asked.sha256 AND o.sender = asked.sender
JOIN document d ON d.sha256 = asked.sha256
