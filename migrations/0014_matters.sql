-- What people do beside the road: withdrawals, disputes about the order, consultations, and whom to call.

-- A court's written wish to take a demand back (书面提出撤回需求). Every change of a row happens under the lock of its request.
CREATE TABLE withdrawal (
    withdrawal_id uuid PRIMARY KEY,
    request_id    uuid NOT NULL REFERENCES request,
    sender        text NOT NULL REFERENCES principal,
    body_sha256   bytea NOT NULL CHECK (length(body_sha256) = 32), -- of the canonical form: the same wish again gets the first answer
    submission    bytea NOT NULL,                                  -- the bytes received, kept as evidence
    message       bytea NOT NULL,                                  -- what the registry's connector gets
    asked_at      timestamptz NOT NULL,
    taking        text CHECK (taking IN ('held', 'unsupported')),  -- what the registry's system did with it
    taken_at      timestamptz,
    state         text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'agreed', 'declined', 'overtaken')),
    decided_at    timestamptz,
    decision      jsonb,                                           -- the registry's message, if it decided
    UNIQUE (request_id, body_sha256),
    CHECK ((state = 'open') = (decided_at IS NULL)),
    CHECK ((taking IS NULL) = (taken_at IS NULL))
);
CREATE UNIQUE INDEX withdrawal_open ON withdrawal (request_id) WHERE state = 'open';
CREATE INDEX withdrawal_asked ON withdrawal (asked_at, withdrawal_id);
CREATE INDEX withdrawal_sender ON withdrawal (sender, asked_at, withdrawal_id);
GRANT SELECT, INSERT, UPDATE (taking, taken_at, state, decided_at, decision) ON withdrawal TO xiezhi_app;

-- A matter that people settle, with its log. The row is the lock of the log.
CREATE TABLE matter (
    matter_id uuid PRIMARY KEY,
    kind      text NOT NULL CHECK (kind IN ('dispute', 'consultation')),
    opened_at timestamptz NOT NULL,
    opened_by text NOT NULL,
    entries   integer NOT NULL CHECK (entries >= 1),
    closed_at timestamptz
);
CREATE INDEX matter_opened ON matter (kind, opened_at, matter_id);
GRANT SELECT, INSERT, UPDATE (entries, closed_at) ON matter TO xiezhi_app;

CREATE TABLE matter_entry (
    matter_id       uuid NOT NULL REFERENCES matter,
    n               integer NOT NULL CHECK (n >= 1),
    at              timestamptz NOT NULL,
    actor           text NOT NULL,
    role            text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('opened', 'note', 'document', 'order_decided', 'closed')),
    text            text NOT NULL,
    document_sha256 text REFERENCES document,
    document_name   text,
    PRIMARY KEY (matter_id, n),
    CHECK ((document_sha256 IS NULL) = (document_name IS NULL)),
    CHECK (kind <> 'document' OR document_sha256 IS NOT NULL)
);

-- Courts disagree about the order of their demands on one unit (对查封顺位有异议). The evidence is frozen when it is opened.
CREATE TABLE dispute (
    dispute_id      uuid PRIMARY KEY REFERENCES matter,
    unit_key        text NOT NULL CHECK (length(unit_key) = 28),
    registry        text NOT NULL REFERENCES registry,
    superior        jsonb NOT NULL,
    evidence        bytea NOT NULL,
    evidence_sha256 bytea NOT NULL CHECK (length(evidence_sha256) = 32)
);
CREATE INDEX dispute_unit ON dispute (unit_key);

CREATE TABLE dispute_request (
    dispute_id uuid NOT NULL REFERENCES dispute,
    request_id uuid NOT NULL REFERENCES request,
    court_code text NOT NULL,
    place      integer CHECK (place >= 1), -- by receipt, when it was opened; none without a rank
    PRIMARY KEY (dispute_id, request_id)
);
CREATE INDEX dispute_request_request ON dispute_request (request_id);

-- The only thing that changes an order: the document of the court above all parties.
CREATE TABLE order_decision (
    decision_id     uuid PRIMARY KEY,
    dispute_id      uuid NOT NULL REFERENCES dispute,
    unit_key        text NOT NULL,
    registry        text NOT NULL REFERENCES registry,
    decided_by      text NOT NULL,
    decided_on      date NOT NULL,
    document_number text NOT NULL,
    document_sha256 text NOT NULL REFERENCES document,
    request_ids     uuid[] NOT NULL CHECK (cardinality(request_ids) >= 2), -- from the first to the last
    recorded_at     timestamptz NOT NULL,
    recorded_by     text NOT NULL
);
CREATE INDEX order_decision_unit ON order_decision (unit_key, registry, recorded_at);

-- 会商 between courts and registration authorities: about one request, or about how the channel works.
CREATE TABLE consultation (
    consultation_id uuid PRIMARY KEY REFERENCES matter,
    cause           text NOT NULL CHECK (cause IN ('register_mismatch', 'person')),
    level           text NOT NULL CHECK (level IN ('national', 'province')),
    province        text REFERENCES province,
    request_id      uuid REFERENCES request,
    subject         text NOT NULL,
    CHECK ((level = 'province') = (province IS NOT NULL)),
    CHECK (cause = 'person' OR request_id IS NOT NULL)
);
CREATE UNIQUE INDEX consultation_mismatch ON consultation (request_id) WHERE cause = 'register_mismatch';
CREATE INDEX consultation_request ON consultation (request_id) WHERE request_id IS NOT NULL;

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['matter_entry', 'dispute', 'dispute_request', 'order_decision', 'consultation'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', t);
        EXECUTE format('CREATE TRIGGER append_only_all BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', t);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO xiezhi_app', t);
    END LOOP;
END $$;

-- 联络员: whom to call, on both sides, from when to when. A national contact has no province.
CREATE TABLE contact (
    contact_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    province     text CHECK (province ~ '^[0-9]{2}$'),
    side         text NOT NULL CHECK (side IN ('court', 'registry')),
    organisation text NOT NULL,
    name         text NOT NULL,
    duty         text,
    phone        text NOT NULL,
    email        text,
    valid_from   date NOT NULL,
    valid_to     date CHECK (valid_to >= valid_from),
    UNIQUE NULLS NOT DISTINCT (province, side, organisation, name, valid_from)
);
GRANT SELECT, INSERT, UPDATE ON contact TO xiezhi_app;

-- Who corrected a request: the link is asked from both ends.
CREATE INDEX request_prior ON request (prior_request_id) WHERE prior_request_id IS NOT NULL;

CREATE VIEW inv_withdrawal AS
SELECT withdrawal_id, request_id, sender, asked_at, taking, taken_at, state, decided_at FROM withdrawal;
CREATE VIEW inv_order_decision AS
SELECT decision_id, dispute_id, unit_key, registry, decided_by, document_number, document_sha256, request_ids, recorded_at, recorded_by
FROM order_decision;
GRANT SELECT ON inv_withdrawal, inv_order_decision TO xiezhi_app;
