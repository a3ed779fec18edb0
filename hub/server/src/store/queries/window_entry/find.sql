SELECT e.n, e.entry_id, e.registry, e.clerk, e.demand_id, e.body, e.body_sha256, e.handed_over_at, e.entered_at, e.late, e.late_reason,
       e.late_evidence, e.second_because, d.decision, d.decided_by, d.decided_at, d.reason, d.bound_secs, d.outage_id
FROM window_entry e
LEFT JOIN window_decision d ON d.entry_id = e.entry_id
WHERE e.entry_id = $1
