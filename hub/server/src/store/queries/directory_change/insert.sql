INSERT INTO directory_change (actor, object, before, after) VALUES ($1, $2, $3, $4)
