SELECT p.code, p.name, d.closed_from, d.decided_by, d.decided_at, d.reason
FROM province p
LEFT JOIN LATERAL (
    SELECT * FROM local_link_decision l WHERE l.province = p.code ORDER BY l.n DESC LIMIT 1
) d ON true
ORDER BY p.code
