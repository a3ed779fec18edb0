-- The receipt ledger (送达登记): append-only, numbered without gaps and hash-chained for each registry.

CREATE TABLE ledger_head (
    registry         text PRIMARY KEY REFERENCES registry,
    size             bigint NOT NULL DEFAULT 0 CHECK (size >= 0),
    last_recorded_at timestamptz,
    hash             bytea NOT NULL CHECK (length(hash) = 32),
    signed_size      bigint,
    signed_hash      bytea,
    signed_at        timestamptz,
    signature        bytea
);

CREATE TABLE receipt (
    registry          text NOT NULL REFERENCES ledger_head,
    no                bigint NOT NULL CHECK (no >= 1),
    request_id        uuid NOT NULL REFERENCES request,
    message_id        uuid NOT NULL,
    body_sha256       bytea NOT NULL CHECK (length(body_sha256) = 32),
    channel           text NOT NULL CHECK (channel IN ('net', 'p2p', 'window')),
    delivered_at      timestamptz NOT NULL,
    recorded_at       timestamptz NOT NULL CHECK (recorded_at >= delivered_at),
    clock_err_us      bigint NOT NULL CHECK (clock_err_us >= 0),
    attempt           integer NOT NULL,
    connector         text NOT NULL,
    push_started_at   timestamptz NOT NULL,
    push_answered_at  timestamptz NOT NULL,
    local_reference   text,
    local_received_at timestamptz,
    prev_hash         bytea NOT NULL CHECK (length(prev_hash) = 32),
    hash              bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (registry, no),
    UNIQUE (request_id, registry),
    UNIQUE (registry, message_id),
    UNIQUE (registry, recorded_at),
    CHECK (channel <> 'net' OR delivered_at = recorded_at)
);
