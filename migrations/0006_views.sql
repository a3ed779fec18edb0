-- Read-only views over the invariants: stable across versions, whatever the tables become.

CREATE VIEW inv_request AS
SELECT r.request_id, r.sender,
       CASE WHEN d.units = 1 THEN r.demand_id ELSE r.demand_id || '#' || r.unit_index END AS idem_key,
       encode(r.body_sha256, 'hex') AS body_sha256,
       r.unit_key, r.registry, r.lane, r.lane_seq, r.accepted_at, r.state, r.prior_request_id
FROM request r
JOIN LATERAL (SELECT count(*) AS units FROM request o WHERE o.sender = r.sender AND o.demand_id = r.demand_id) d ON true;

CREATE VIEW inv_state AS SELECT request_id, n, state, at, actor, cause FROM request_state;

CREATE VIEW inv_outbox AS
SELECT outbox_id, request_id, kind, lane, lane_seq, message_id, created_at, confirmed_at FROM outbox;

CREATE VIEW inv_receipt AS
SELECT registry, no, request_id, message_id, encode(body_sha256, 'hex') AS body_sha256, channel, delivered_at, recorded_at,
       clock_err_us, encode(prev_hash, 'hex') AS prev_hash, encode(hash, 'hex') AS hash
FROM receipt;

-- The newest signed head; `hub ledger verify` compares it with the chain and with the live head.
CREATE VIEW inv_head AS
SELECT registry, signed_size AS size, encode(signed_hash, 'hex') AS hash, signed_at, encode(signature, 'hex') AS signature
FROM ledger_head
WHERE signed_size IS NOT NULL;

CREATE VIEW inv_result AS
SELECT request_id, n, outcome, registered_at, due_at, fed_back_at, disposition = 'effective' AS effective FROM outcome;

CREATE VIEW inv_dead AS
SELECT dead_id, message_id, request_id, queue, code, first_at, status, decided_by FROM dead_letter;

CREATE VIEW inv_event AS SELECT at, kind, request_id, detail FROM event;

CREATE VIEW inv_audit AS
SELECT n, at, actor, role, action, object, encode(prev_hash, 'hex') AS prev_hash, encode(hash, 'hex') AS hash FROM audit;
