-- What registries decide, and the numbered stream in which each court learns of it.

CREATE TABLE outcome (
    request_id    uuid NOT NULL REFERENCES request,
    n             integer NOT NULL CHECK (n >= 1),
    outcome       text NOT NULL CHECK (outcome IN ('registered', 'returned', 'withdrawn')),
    body          jsonb NOT NULL,
    body_sha256   bytea NOT NULL CHECK (length(body_sha256) = 32),
    received_at   timestamptz NOT NULL,
    registered_at timestamptz,
    due_at        timestamptz,
    fed_back_at   timestamptz,
    disposition   text NOT NULL CHECK (disposition IN ('effective', 'early', 'disputed')),
    PRIMARY KEY (request_id, n),
    UNIQUE (request_id, body_sha256)
);
-- At most one outcome of a request takes effect.
CREATE UNIQUE INDEX outcome_effective ON outcome (request_id) WHERE disposition = 'effective';

-- seq counts without gaps for each sender; its row lock is taken last in a transaction, in order of name.
CREATE TABLE feedback_head (
    sender   text PRIMARY KEY REFERENCES principal,
    last_seq bigint NOT NULL
);

CREATE TABLE feedback (
    sender     text NOT NULL REFERENCES principal,
    seq        bigint NOT NULL CHECK (seq >= 1),
    at         timestamptz NOT NULL,
    request_id uuid NOT NULL REFERENCES request,
    demand_id  text NOT NULL,
    unit_index smallint NOT NULL,
    registry   text NOT NULL,
    body       jsonb NOT NULL,
    PRIMARY KEY (sender, seq)
);
CREATE INDEX feedback_request ON feedback (request_id);
