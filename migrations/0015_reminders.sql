-- Reminders (智能提醒, 法〔2024〕32号 二(三)2): what is due at whom. A row is made once and closed once its cause ends or a higher
-- level takes its place; rows are written under the lock of their request.

CREATE TABLE reminder (
    reminder_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id     uuid NOT NULL REFERENCES request,
    kind           text NOT NULL CHECK (kind IN ('passing_on', 'delivery', 'new_item', 'decision', 'receipt', 'return_waiting',
                                                 'seizure_lapses')),
    level          text NOT NULL CHECK (level IN ('notice', 'warning', 'overdue')),
    addressee      text NOT NULL CHECK (addressee IN ('court', 'registry', 'operator')),
    due_at         timestamptz NOT NULL,    -- the first instant that is late
    created_at     timestamptz NOT NULL,
    closed_at      timestamptz,
    closed_because text CHECK (closed_because IN ('ended', 'escalated')),
    UNIQUE (request_id, kind, addressee, level, due_at),
    CHECK ((closed_at IS NULL) = (closed_because IS NULL))
);
CREATE INDEX reminder_open ON reminder (request_id) WHERE closed_at IS NULL;

GRANT SELECT, INSERT ON reminder TO xiezhi_app;
GRANT UPDATE (closed_at, closed_because) ON reminder TO xiezhi_app;

-- A due time that could not be counted on arrival, for want of a year's working days, is filled in when the year is loaded.
GRANT UPDATE (due_at) ON outcome TO xiezhi_app;

-- What the reminders look for.
CREATE INDEX outcome_due_missing ON outcome (registered_at) WHERE registered_at IS NOT NULL AND due_at IS NULL;
CREATE INDEX outcome_early ON outcome (request_id) WHERE disposition = 'early';
CREATE INDEX outcome_returned ON outcome (received_at) WHERE disposition = 'effective' AND outcome = 'returned';
CREATE INDEX outcome_period_to ON outcome ((body -> 'registration' ->> 'period_to'))
    WHERE disposition = 'effective' AND outcome = 'registered';

CREATE VIEW inv_reminder AS
SELECT reminder_id, request_id, kind, level, addressee, due_at, created_at, closed_at, closed_because FROM reminder;
GRANT SELECT ON inv_reminder TO xiezhi_app;
