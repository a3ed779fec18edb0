SELECT body_sha256, disposition, code FROM local_receipt WHERE registry = $1 AND local_number = $2 ORDER BY reported_at
