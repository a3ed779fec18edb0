INSERT INTO audit (n, at, actor, role, action, object, prev_hash, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
