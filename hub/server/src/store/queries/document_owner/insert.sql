INSERT INTO document_owner (sha256, sender) VALUES ($1, $2)
ON CONFLICT (sha256, sender) DO NOTHING
