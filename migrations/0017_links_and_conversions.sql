-- The move of a province's courts from local links (点对点) to the network (总对总), and what registries report about conversions.

-- From which day a province's local links are closed; the newest decision of a province counts. No row, or
-- none in closed_from: the links are open.
CREATE TABLE local_link_decision (
    n           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    province    text NOT NULL REFERENCES province,
    closed_from date,
    decided_by  text NOT NULL,
    decided_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason      text NOT NULL CHECK (length(reason) >= 5)
);
CREATE INDEX local_link_decision_province ON local_link_decision (province, n);

-- That a registry says a waiting seizure became formal (轮候查封转为正式查封): every version of it. It decides nothing about
-- the request; the register of the unit compares it.
CREATE TABLE conversion_report (
    request_id  uuid NOT NULL REFERENCES request,
    n           integer NOT NULL CHECK (n >= 1),
    body        jsonb NOT NULL,
    body_sha256 bytea NOT NULL CHECK (length(body_sha256) = 32),
    received_at timestamptz NOT NULL,
    PRIMARY KEY (request_id, n),
    UNIQUE (request_id, body_sha256)
);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['local_link_decision', 'conversion_report'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', t);
        EXECUTE format('CREATE TRIGGER append_only_all BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', t);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO xiezhi_app', t);
    END LOOP;
END $$;
