-- The register of seizures of each property unit as its registry's reports and time make it: a log that is only added to,
-- and what it amounts to now.

-- One row a unit. Its lock orders everything that is learned of the unit; taken after requests, before the audit head.
CREATE TABLE unit_head (
    unit_key    text PRIMARY KEY CHECK (length(unit_key) = 28),
    last_n      integer NOT NULL DEFAULT 0 CHECK (last_n >= 0),
    recorded_at timestamptz,                        -- until when the consequences of time are in the log
    anomalies   jsonb NOT NULL DEFAULT '[]'         -- disagreements with the order of delivery that hold now
);

-- effective_at is the instant that counts in law (登簿时间, or 24:00 of a last day), recorded_at when the hub wrote it.
CREATE TABLE unit_event (
    unit_key     text NOT NULL REFERENCES unit_head,
    n            integer NOT NULL CHECK (n >= 1),
    kind         text NOT NULL CHECK (kind IN ('registered', 'renewed', 'lifted', 'converted', 'lapsed', 'confirmed', 'refused')),
    request_id   uuid NOT NULL REFERENCES request,
    code         text CHECK (code ~ '^HUB-[0-9]{4}$'),
    effective_at timestamptz NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    before       jsonb NOT NULL,                    -- the seizures it touched, as they were
    after        jsonb NOT NULL,                    -- the same and new ones, as they are
    report       jsonb,                             -- what the registry reported; none for what time brought about
    corrects     jsonb,                             -- for a late report: what it revokes and what follows from it
    PRIMARY KEY (unit_key, n),
    CHECK ((kind = 'refused') = (code IS NOT NULL))
);
CREATE INDEX unit_event_request ON unit_event (request_id);

-- What the log amounts to now: one row a seizure, standing or ended. Can be rebuilt from unit_event at any time.
CREATE TABLE unit_seizure (
    request_id uuid PRIMARY KEY REFERENCES request,
    unit_key   text NOT NULL REFERENCES unit_head,
    seizure    jsonb NOT NULL,
    lapses_at  timestamptz                          -- when it lapses if nothing happens; none when it ended or does not run
);
CREATE INDEX unit_seizure_unit ON unit_seizure (unit_key);
CREATE INDEX unit_seizure_lapses ON unit_seizure (lapses_at) WHERE lapses_at IS NOT NULL;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON unit_event FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_all BEFORE TRUNCATE ON unit_event FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON unit_event TO xiezhi_app;
GRANT SELECT, INSERT ON unit_head, unit_seizure TO xiezhi_app;
GRANT UPDATE (last_n, recorded_at, anomalies) ON unit_head TO xiezhi_app;
GRANT UPDATE (seizure, lapses_at) ON unit_seizure TO xiezhi_app;

-- Stable view for checks from outside, like the others.
CREATE VIEW inv_unit_event AS
SELECT unit_key, n, kind, request_id, code, effective_at, recorded_at, before, after, report IS NOT NULL AS reported FROM unit_event;
CREATE VIEW inv_unit_seizure AS SELECT unit_key, request_id, seizure FROM unit_seizure;
GRANT SELECT ON inv_unit_event, inv_unit_seizure TO xiezhi_app;
