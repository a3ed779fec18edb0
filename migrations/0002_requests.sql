-- Demands as submitted, requests as sent (one a property unit), their state log, and the outbox.

CREATE TABLE document (
    sha256     text PRIMARY KEY CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size       bigint NOT NULL CHECK (size > 0),
    media_type text NOT NULL,
    stored_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Who uploaded a document; a sender may refer only to its own, so that a digest is no key to another court's papers.
CREATE TABLE document_owner (
    sha256 text NOT NULL REFERENCES document,
    sender text NOT NULL REFERENCES principal,
    PRIMARY KEY (sha256, sender)
);

CREATE TABLE demand (
    sender      text NOT NULL REFERENCES principal,
    demand_id   text NOT NULL,
    body_sha256 bytea NOT NULL CHECK (length(body_sha256) = 32), -- of the canonical form: equal for equal meaning
    submission  bytea NOT NULL,                                  -- the bytes received, kept as evidence
    answer      jsonb NOT NULL,                                  -- what was answered; a repeat gets the same
    accepted_at timestamptz NOT NULL,
    PRIMARY KEY (sender, demand_id)
);

-- Lane: one property unit within one registry. Its row lock orders acceptances, so lane_seq is commit order.
CREATE TABLE lane (
    lane     text PRIMARY KEY,
    last_seq bigint NOT NULL
);

CREATE TABLE request (
    request_id           uuid PRIMARY KEY,
    sender               text NOT NULL,
    demand_id            text NOT NULL,
    unit_index           smallint NOT NULL CHECK (unit_index >= 1),
    kind                 text NOT NULL CHECK (kind IN ('seizure', 'renewal', 'lifting', 'waiting')),
    court_code           text NOT NULL,
    case_number          text NOT NULL,
    judgment_number      text NOT NULL,
    original_case_number text,
    unit_key             text NOT NULL CHECK (length(unit_key) = 28),
    province             text NOT NULL REFERENCES province,
    registry             text NOT NULL REFERENCES registry,
    lane                 text NOT NULL REFERENCES lane,
    lane_seq             bigint NOT NULL CHECK (lane_seq >= 1),
    routing_key          text NOT NULL,
    message_id           uuid NOT NULL UNIQUE,
    body                 bytea NOT NULL,
    body_sha256          bytea NOT NULL CHECK (length(body_sha256) = 32),
    prior_request_id     uuid REFERENCES request,
    traceparent          text,
    accepted_at          timestamptz NOT NULL,
    state                text NOT NULL CHECK (state IN ('in_flight', 'delivered', 'registered', 'returned',
                                                        'withdrawn', 'undelivered', 'closed')),
    state_n              integer NOT NULL CHECK (state_n >= 1),
    attempt              integer NOT NULL DEFAULT 1 CHECK (attempt >= 1),
    FOREIGN KEY (sender, demand_id) REFERENCES demand,
    UNIQUE (sender, demand_id, unit_index),
    UNIQUE (lane, lane_seq)
);
CREATE INDEX request_case_number ON request (case_number);
CREATE INDEX request_unit ON request (unit_key);
CREATE INDEX request_accepted ON request (accepted_at, request_id);
CREATE INDEX request_sender_accepted ON request (sender, accepted_at, request_id);
CREATE INDEX request_open ON request (state) WHERE state IN ('in_flight', 'undelivered', 'delivered');

-- What a later demand of the lane would overtake.
CREATE INDEX request_lane_open ON request (lane, lane_seq) WHERE state IN ('in_flight', 'undelivered');

CREATE TABLE request_document (
    request_id uuid NOT NULL REFERENCES request,
    sha256     text NOT NULL REFERENCES document,
    PRIMARY KEY (request_id, sha256)
);
CREATE INDEX request_document_sha256 ON request_document (sha256);

CREATE TABLE request_state (
    request_id uuid NOT NULL REFERENCES request,
    n          integer NOT NULL CHECK (n >= 1),
    state      text NOT NULL,
    at         timestamptz NOT NULL,
    actor      text NOT NULL,
    cause      text NOT NULL,
    PRIMARY KEY (request_id, n)
);

-- The row is the send: what is here unconfirmed will be published, what is not here never is.
CREATE TABLE outbox (
    outbox_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id   uuid NOT NULL REFERENCES request,
    kind         text NOT NULL CHECK (kind IN ('first', 'replay', 'resend')),
    lane         text NOT NULL,
    lane_seq     bigint NOT NULL,
    message_id   uuid NOT NULL,
    attempt      integer NOT NULL CHECK (attempt >= 1),
    created_at   timestamptz NOT NULL,
    tries        integer NOT NULL DEFAULT 0,
    last_error   text,
    confirmed_at timestamptz
);
CREATE INDEX outbox_unconfirmed ON outbox (outbox_id) WHERE confirmed_at IS NULL;
CREATE INDEX outbox_unconfirmed_lane ON outbox (lane, outbox_id) WHERE confirmed_at IS NULL;
CREATE INDEX outbox_request ON outbox (request_id);

CREATE TABLE event (
    n          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,
    kind       text NOT NULL,
    request_id uuid REFERENCES request,
    detail     jsonb NOT NULL
);
CREATE INDEX event_request ON event (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX event_kind_at ON event (kind, at);
