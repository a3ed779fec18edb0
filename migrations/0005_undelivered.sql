-- Undelivered demands (未送达), the operators' decisions on them, and the audit of what people did.

CREATE TABLE dead_letter (
    dead_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id  uuid NOT NULL,
    request_id  uuid NOT NULL REFERENCES request,
    attempt     integer NOT NULL,
    registry    text NOT NULL REFERENCES registry,
    tier        text NOT NULL,
    queue       text NOT NULL,              -- the dead-letter queue that holds the message
    cause       text NOT NULL,
    code        text NOT NULL,
    exchange    text NOT NULL,              -- original route
    routing_key text NOT NULL,
    first_at    timestamptz NOT NULL,
    status      text NOT NULL CHECK (status IN ('open', 'replayed', 'closed')),
    decided_by  text,
    decided_at  timestamptz,
    reason      text,
    released_at timestamptz,                -- when the held message was taken out of the dead-letter queue
    UNIQUE (message_id, attempt),
    CHECK ((status = 'open') = (decided_at IS NULL))
);
CREATE INDEX dead_letter_open ON dead_letter (dead_id) WHERE status = 'open';
CREATE INDEX dead_letter_request ON dead_letter (request_id);
CREATE INDEX dead_letter_unreleased ON dead_letter (queue) WHERE status <> 'open' AND released_at IS NULL;

-- A decision of an operator over a list that is frozen when the job is made; the job survives restarts.
CREATE TABLE undelivered_job (
    job_id          uuid PRIMARY KEY,
    action          text NOT NULL CHECK (action IN ('replay', 'close')),
    actor           text NOT NULL REFERENCES principal,
    reason          text NOT NULL CHECK (length(reason) >= 5),
    pace_per_second integer NOT NULL CHECK (pace_per_second BETWEEN 1 AND 10000),
    created_at      timestamptz NOT NULL,
    finished_at     timestamptz
);
CREATE INDEX undelivered_job_unfinished ON undelivered_job (created_at) WHERE finished_at IS NULL;

CREATE TABLE undelivered_target (
    job_id   uuid NOT NULL REFERENCES undelivered_job,
    position integer NOT NULL CHECK (position >= 1),
    dead_id  bigint NOT NULL REFERENCES dead_letter,
    done_at  timestamptz,
    outcome  text CHECK (outcome IN ('done', 'skipped')),
    note     text,
    PRIMARY KEY (job_id, position),
    UNIQUE (job_id, dead_id),
    CHECK ((done_at IS NULL) = (outcome IS NULL))
);

-- Messages that nothing understood, kept whole for a person.
CREATE TABLE parked_message (
    parked_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    queue       text NOT NULL,
    code        text NOT NULL,
    reason      text NOT NULL,
    message_id  text,
    user_id     text,
    routing_key text NOT NULL,
    body        bytea NOT NULL,
    body_sha256 bytea NOT NULL UNIQUE
);

CREATE TABLE audit_head (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    n        bigint NOT NULL,
    hash     bytea NOT NULL
);
INSERT INTO audit_head (n, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

CREATE TABLE audit (
    n         bigint PRIMARY KEY,
    at        timestamptz NOT NULL,
    actor     text NOT NULL,
    role      text NOT NULL,
    action    text NOT NULL,
    object    text NOT NULL,
    prev_hash bytea NOT NULL,
    hash      bytea NOT NULL
);
