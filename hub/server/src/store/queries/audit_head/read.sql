SELECT n, hash FROM audit_head
