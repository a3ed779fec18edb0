SELECT r.request_id, r.state, coalesce(o.created_at, r.accepted_at) AS sent_at, o.confirmed_at AS passed_on_at, c.delivered_at,
       b.received_at AS returned_at,
       EXISTS (SELECT FROM request n WHERE n.prior_request_id = r.request_id) AS corrected,
       e.due_at AS result_due_at
FROM request r
LEFT JOIN LATERAL (SELECT created_at, confirmed_at FROM outbox
                   WHERE outbox.request_id = r.request_id ORDER BY outbox_id DESC LIMIT 1) o ON true
LEFT JOIN receipt c ON c.request_id = r.request_id AND c.registry = r.registry
LEFT JOIN outcome b ON b.request_id = r.request_id AND b.disposition = 'effective' AND b.outcome = 'returned'
LEFT JOIN LATERAL (SELECT min(due_at) AS due_at FROM outcome
                   WHERE outcome.request_id = r.request_id AND disposition = 'early') e ON true
WHERE r.request_id = ANY ($1)
