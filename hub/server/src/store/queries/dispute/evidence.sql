WITH party AS (
    SELECT *
    FROM request r
    WHERE r.unit_key = $1 AND r.registry = $2 AND (r.state IN ('delivered', 'registered') OR r.request_id = ANY ($3))
)
SELECT jsonb_build_object(
    'schema', 'xiezhi.dispute-evidence.v1',
    'taken_at', clock_timestamp(),
    'unit_code', $1,
    'registry', $2,
    'ledger_head', (
        SELECT jsonb_build_object(
            'size', h.size, 'hash', encode(h.hash, 'hex'), 'last_recorded_at', h.last_recorded_at,
            'signed_size', h.signed_size, 'signed_hash', encode(h.signed_hash, 'hex'), 'signed_at', h.signed_at,
            'signature', encode(h.signature, 'hex'))
        FROM ledger_head h
        WHERE h.registry = $2),
    'requests', coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'request_id', p.request_id, 'sender', p.sender, 'demand_id', p.demand_id, 'unit_index', p.unit_index,
            'kind', p.kind, 'court_code', p.court_code, 'case_number', p.case_number,
            'judgment_number', p.judgment_number, 'original_case_number', p.original_case_number,
            'lane_seq', p.lane_seq, 'accepted_at', p.accepted_at, 'state', p.state, 'attempt', p.attempt,
            'message_id', p.message_id, 'body_sha256', encode(p.body_sha256, 'hex'),
            'prior_request_id', p.prior_request_id,
            'receipt', (
                SELECT jsonb_build_object(
                    'no', c.no, 'channel', c.channel, 'delivered_at', c.delivered_at, 'recorded_at', c.recorded_at,
                    'clock_err_us', c.clock_err_us, 'attempt', c.attempt, 'connector', c.connector,
                    'push_started_at', c.push_started_at, 'push_answered_at', c.push_answered_at,
                    'local_reference', c.local_reference, 'local_received_at', c.local_received_at,
                    'evidence_id', c.evidence_id, 'message_id', c.message_id, 'body_sha256', encode(c.body_sha256, 'hex'),
                    'prev_hash', encode(c.prev_hash, 'hex'), 'hash', encode(c.hash, 'hex'))
                FROM receipt c
                WHERE c.request_id = p.request_id AND c.registry = $2),
            'states', (
                SELECT jsonb_agg(jsonb_build_object('n', s.n, 'state', s.state, 'at', s.at, 'actor', s.actor,
                                                    'cause', s.cause) ORDER BY s.n)
                FROM request_state s
                WHERE s.request_id = p.request_id),
            'sent', (
                SELECT jsonb_agg(jsonb_build_object('kind', o.kind, 'attempt', o.attempt, 'created_at', o.created_at,
                                                    'confirmed_at', o.confirmed_at) ORDER BY o.outbox_id)
                FROM outbox o
                WHERE o.request_id = p.request_id),
            'outcomes', (
                SELECT jsonb_agg(jsonb_build_object('n', u.n, 'outcome', u.outcome, 'disposition', u.disposition,
                                                    'received_at', u.received_at, 'registered_at', u.registered_at,
                                                    'body', u.body) ORDER BY u.n)
                FROM outcome u
                WHERE u.request_id = p.request_id),
            'events', (
                SELECT jsonb_agg(jsonb_build_object('n', e.n, 'at', e.at, 'kind', e.kind, 'detail', e.detail) ORDER BY e.n)
                FROM event e
                WHERE e.request_id = p.request_id))
            ORDER BY p.accepted_at, p.request_id)
        FROM party p), '[]'::jsonb))::text
