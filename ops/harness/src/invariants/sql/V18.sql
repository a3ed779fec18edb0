-- Times of the hub are all the database's; only the registry's clock needs the tolerance, which is the clock bound.
SELECT 'put into the outbox before it was accepted' AS what, o.outbox_id || ' of ' || o.request_id AS subject
FROM inv_outbox o JOIN inv_request r USING (request_id) WHERE o.created_at < r.accepted_at
UNION ALL
SELECT 'confirmed before it was put into the outbox', outbox_id || ' of ' || request_id
FROM inv_outbox WHERE confirmed_at < created_at
UNION ALL
SELECT 'received before it was accepted', c.registry || ' no ' || c.no
FROM inv_receipt c JOIN inv_request r USING (request_id) WHERE c.recorded_at < r.accepted_at
UNION ALL
SELECT 'fed back before it was received', e.request_id || ' n=' || e.n
FROM inv_result e JOIN inv_receipt c USING (request_id) WHERE e.fed_back_at < c.recorded_at
UNION ALL
SELECT 'fed back before it was registered', request_id || ' n=' || n
FROM inv_result WHERE fed_back_at < registered_at - interval '1 second'
UNION ALL
SELECT 'registered before it was accepted', e.request_id || ' n=' || e.n
FROM inv_result e JOIN inv_request r USING (request_id) WHERE e.registered_at < r.accepted_at - interval '1 second'
