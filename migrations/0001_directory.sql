-- Who takes part: provinces, registries, the divisions they serve, and the parties that may call the API.
-- Regions are data with dates: prolonging or ending the pilot is a change of rows, recorded in directory_change.

CREATE TABLE province (
    code       text PRIMARY KEY CHECK (code ~ '^[0-9]{2}$'),
    name       text NOT NULL,
    valid_from date NOT NULL,
    valid_to   date CHECK (valid_to >= valid_from)
);

CREATE TABLE registry (
    code       text PRIMARY KEY CHECK (code ~ '^[0-9]{6}$'),
    province   text NOT NULL REFERENCES province,
    name       text NOT NULL,
    valid_from date NOT NULL,
    valid_to   date CHECK (valid_to >= valid_from),
    CHECK (left(code, 2) = province)
);

-- One registry may serve several divisions; a division has one registry at a time.
CREATE TABLE registry_division (
    division   text NOT NULL CHECK (division ~ '^[0-9]{6}$'),
    registry   text NOT NULL REFERENCES registry,
    valid_from date NOT NULL,
    valid_to   date CHECK (valid_to >= valid_from),
    PRIMARY KEY (division, valid_from)
);
CREATE INDEX registry_division_registry ON registry_division (registry);

CREATE TABLE directory_change (
    n      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor  text NOT NULL,
    object text NOT NULL,
    before jsonb,
    after  jsonb
);

CREATE TABLE principal (
    name        text PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    role        text NOT NULL CHECK (role IN ('court', 'operator', 'connector')),
    province    text REFERENCES province,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    disabled_at timestamptz,
    CHECK ((role = 'connector') = (province IS NOT NULL))
);

-- Bearer tokens are 256 random bits; only their SHA-256 is kept.
CREATE TABLE credential (
    token_sha256 bytea PRIMARY KEY CHECK (length(token_sha256) = 32),
    principal    text NOT NULL REFERENCES principal,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at   timestamptz,
    revoked_at   timestamptz
);
CREATE INDEX credential_principal ON credential (principal);

CREATE TABLE webhook (
    sender          text PRIMARY KEY REFERENCES principal,
    url             text NOT NULL,
    delivered_seq   bigint NOT NULL DEFAULT 0,
    failures        integer NOT NULL DEFAULT 0,
    last_error      text,
    last_success_at timestamptz,
    next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
