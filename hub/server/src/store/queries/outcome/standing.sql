-- Seizures whose registered period ends between two days and that still stand: no later registration for the unit lifts them or
-- gives them another end. A renewal or lifting names the seizure by its 原查封案号.
SELECT s.request_id, s.last_day::date
FROM (SELECT r.request_id, r.unit_key, o.registered_at, o.body -> 'registration' ->> 'period_to' AS last_day,
             CASE WHEN r.kind = 'renewal' THEN coalesce(r.original_case_number, r.case_number) ELSE r.case_number END AS root
      FROM outcome o
      JOIN request r ON r.request_id = o.request_id
      WHERE o.disposition = 'effective' AND o.outcome = 'registered' AND r.kind IN ('seizure', 'waiting', 'renewal')
        AND o.body -> 'registration' ->> 'period_to' BETWEEN $1 AND $2) s
WHERE NOT EXISTS (
    SELECT
    FROM request l
    JOIN outcome m ON m.request_id = l.request_id AND m.disposition = 'effective' AND m.outcome = 'registered'
    WHERE l.unit_key = s.unit_key AND l.kind IN ('renewal', 'lifting') AND l.request_id <> s.request_id
      AND coalesce(l.original_case_number, l.case_number) = s.root
      -- Request ids grow with time, so they decide between equal times of entry.
      AND (m.registered_at, m.request_id) > (s.registered_at, s.request_id))
