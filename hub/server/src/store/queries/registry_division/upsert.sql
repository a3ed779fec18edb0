INSERT INTO registry_division (division, registry, valid_from, valid_to) VALUES ($1, $2, $3, $4)
ON CONFLICT (division, valid_from) DO UPDATE SET registry = excluded.registry, valid_to = excluded.valid_to
