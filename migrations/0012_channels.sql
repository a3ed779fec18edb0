-- All channels in one line: demands handed in on paper at a registry's window (线下窗口) and demands that a registry's own
-- point-to-point system (点对点) received get their receipts in the same gapless, hash-chained ledger as those of the network.

-- By which channel a request came, and why it was a lower one than the network where the property lies in a pilot region.
ALTER TABLE request
    ADD COLUMN channel        text NOT NULL DEFAULT 'net' CHECK (channel IN ('net', 'p2p', 'window')),
    ADD COLUMN channel_reason text,
    ADD CONSTRAINT request_channel_reason CHECK ((channel = 'net') = (channel_reason IS NULL));
CREATE INDEX request_unit_registry ON request (registry, unit_key);

-- A court that served by point-to-point link has no account here: its sender is the court's code as stated.
ALTER TABLE demand DROP CONSTRAINT demand_sender_fkey;

-- A receipt of another channel has no push; it names the record that proves its instant instead.
ALTER TABLE receipt
    ALTER COLUMN push_started_at DROP NOT NULL,
    ALTER COLUMN push_answered_at DROP NOT NULL,
    ADD COLUMN evidence_id uuid,
    ADD CONSTRAINT receipt_evidence CHECK ((channel = 'net') = (evidence_id IS NULL)),
    ADD CONSTRAINT receipt_push CHECK ((channel = 'net') = (push_started_at IS NOT NULL)
                                       AND (channel = 'net') = (push_answered_at IS NOT NULL));

-- A clerk speaks for one registry.
ALTER TABLE principal
    ADD COLUMN registry text REFERENCES registry,
    DROP CONSTRAINT principal_role_check,
    ADD CONSTRAINT principal_role_check CHECK (role IN ('court', 'operator', 'connector', 'clerk')),
    ADD CONSTRAINT principal_registry_check CHECK ((role = 'clerk') = (registry IS NOT NULL));

-- An announced outage (应急联动, 法〔2024〕32号 三(二)) of one registry or of a whole province.
CREATE TABLE outage (
    outage_id    uuid PRIMARY KEY,
    province     text NOT NULL REFERENCES province,
    registry     text REFERENCES registry,
    began_at     timestamptz NOT NULL,
    reason       text NOT NULL CHECK (length(reason) >= 5),
    announced_by text NOT NULL REFERENCES principal,
    announced_at timestamptz NOT NULL,
    ended_at     timestamptz CHECK (ended_at >= began_at),
    ended_by     text REFERENCES principal,
    end_reason   text,
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE INDEX outage_province ON outage (province, began_at);

-- A paper demand as the window's clerk entered it. Nothing is received before it is complete: see window_decision.
CREATE TABLE window_entry (
    n              bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    entry_id       uuid PRIMARY KEY,
    registry       text NOT NULL REFERENCES registry,
    clerk          text NOT NULL REFERENCES principal,
    demand_id      text NOT NULL,
    body           bytea NOT NULL,                                  -- the bytes received, kept as evidence
    body_sha256    bytea NOT NULL CHECK (length(body_sha256) = 32), -- of the canonical form
    scans          text[] NOT NULL,                                 -- digests of the attachments
    handed_over_at timestamptz NOT NULL,
    entered_at     timestamptz NOT NULL CHECK (entered_at >= handed_over_at),
    late           boolean NOT NULL,
    late_reason    text,
    late_evidence  text REFERENCES document,
    second_because text CHECK (second_because IN ('late', 'passes_others')),
    UNIQUE (clerk, demand_id),
    CHECK (NOT late OR (late_reason IS NOT NULL AND late_evidence IS NOT NULL AND second_because IS NOT NULL))
);
CREATE INDEX window_entry_registry ON window_entry (registry, n);

-- The entry became a receipt, or the second person refused it; written in the transaction of the stamp.
CREATE TABLE window_decision (
    entry_id   uuid PRIMARY KEY REFERENCES window_entry,
    decision   text NOT NULL CHECK (decision IN ('recorded', 'refused')),
    decided_by text NOT NULL REFERENCES principal,
    decided_at timestamptz NOT NULL,
    reason     text,
    bound_secs bigint NOT NULL,                                     -- the published bound that was applied
    outage_id  uuid REFERENCES outage
);

-- What a registry's point-to-point system says it received by itself: every version, and what it counts as.
CREATE TABLE local_receipt (
    evidence_id  uuid PRIMARY KEY,
    registry     text NOT NULL REFERENCES registry,
    local_number text NOT NULL,
    body         jsonb NOT NULL,
    body_sha256  bytea NOT NULL CHECK (length(body_sha256) = 32),
    connector    text NOT NULL,
    reported_at  timestamptz NOT NULL,
    received_at  timestamptz NOT NULL,
    disposition  text NOT NULL CHECK (disposition IN ('recorded', 'refused', 'contradicting')),
    code         text,
    bound_secs   bigint NOT NULL,
    UNIQUE (registry, local_number, body_sha256)
);
CREATE UNIQUE INDEX local_receipt_recorded ON local_receipt (registry, local_number) WHERE disposition = 'recorded';

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['window_entry', 'window_decision', 'local_receipt'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', t);
        EXECUTE format('CREATE TRIGGER append_only_all BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', t);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO xiezhi_app', t);
    END LOOP;
END $$;
GRANT SELECT, INSERT ON outage TO xiezhi_app;
GRANT UPDATE (ended_at, ended_by, end_reason) ON outage TO xiezhi_app;

CREATE VIEW inv_channel AS SELECT request_id, channel, channel_reason FROM request;

-- What stands behind each receipt that is not the network's: who vouches for its instant, and within which bound.
CREATE VIEW inv_evidence AS
SELECT c.registry, c.no, c.request_id, c.channel, c.evidence_id, w.handed_over_at AS instant, d.bound_secs, w.late,
       w.clerk AS first_person, d.decided_by AS second_person, w.late_reason AS reason, w.late_evidence AS document, d.outage_id
FROM receipt c
JOIN window_entry w ON w.entry_id = c.evidence_id
JOIN window_decision d ON d.entry_id = w.entry_id AND d.decision = 'recorded'
WHERE c.channel = 'window'
UNION ALL
SELECT c.registry, c.no, c.request_id, c.channel, c.evidence_id, l.received_at, l.bound_secs, false, l.connector, NULL,
       NULL, l.local_number, NULL
FROM receipt c
JOIN local_receipt l ON l.evidence_id = c.evidence_id AND l.disposition = 'recorded' AND l.registry = c.registry
WHERE c.channel = 'p2p';
GRANT SELECT ON inv_channel, inv_evidence TO xiezhi_app;
