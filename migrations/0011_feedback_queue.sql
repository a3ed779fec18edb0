-- Which courts find their feedback in a queue on the broker, and how far it was published. The stream itself is the
-- table feedback: what is published is a copy, and a court that lost its queue is set back by its row.
CREATE TABLE feedback_queue (
    sender        text PRIMARY KEY REFERENCES principal,
    -- Every event up to this one is in the queue, confirmed by the broker.
    published_seq bigint NOT NULL CHECK (published_seq >= 0),
    since         timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at  timestamptz,
    -- Why the broker does not take the next one; empty while it does.
    last_error    text
);
GRANT SELECT, INSERT, UPDATE, DELETE ON feedback_queue TO xiezhi_app;
