DELETE FROM webhook WHERE sender = $1
