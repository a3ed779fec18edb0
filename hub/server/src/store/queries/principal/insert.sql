INSERT INTO principal (name, role, province, registry) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING
