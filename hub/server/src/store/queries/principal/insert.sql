INSERT INTO principal (name, role, province) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING
