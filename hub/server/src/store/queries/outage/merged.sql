-- Every standing receipt of the units that were served at a window during the outage, in the order of the law.
SELECT r.unit_key, r.registry, r.request_id, c.channel, c.no, c.delivered_at, c.recorded_at, r.state,
       d.outage_id IS NOT NULL AS cites_outage
FROM (SELECT DISTINCT o.registry, o.unit_key
      FROM window_decision wd
      JOIN receipt wc ON wc.evidence_id = wd.entry_id
      JOIN request o ON o.request_id = wc.request_id
      WHERE wd.outage_id = $1) touched
JOIN request r ON r.registry = touched.registry AND r.unit_key = touched.unit_key
JOIN receipt c ON c.request_id = r.request_id AND c.registry = r.registry
LEFT JOIN window_decision d ON d.entry_id = c.evidence_id AND d.outage_id = $1
WHERE (r.registry, r.unit_key, c.delivered_at, c.no) > ($2, $3, $4, $5)
ORDER BY r.registry, r.unit_key, c.delivered_at, c.no
LIMIT $6
