INSERT INTO registry (code, province, name, valid_from, valid_to) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (code) DO UPDATE SET name = excluded.name, valid_from = excluded.valid_from, valid_to = excluded.valid_to
