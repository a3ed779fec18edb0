SELECT n, hash, clock_timestamp() FROM audit_head FOR UPDATE
