UPDATE audit_head SET n = $1, hash = $2
