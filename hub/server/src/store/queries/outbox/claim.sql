SELECT o.outbox_id, o.lane, o.message_id, o.attempt, r.request_id, r.sender, r.registry, r.routing_key, r.body, r.traceparent
FROM outbox o
JOIN request r USING (request_id)
WHERE o.confirmed_at IS NULL
  AND o.outbox_id <> ALL ($1)
  AND NOT EXISTS (SELECT FROM outbox earlier
                  WHERE earlier.lane = o.lane AND earlier.confirmed_at IS NULL AND earlier.outbox_id < o.outbox_id)
ORDER BY o.outbox_id
LIMIT $2
