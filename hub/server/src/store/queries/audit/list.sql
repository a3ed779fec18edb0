SELECT n, at, actor, role, action, object, prev_hash, hash FROM audit ORDER BY n
