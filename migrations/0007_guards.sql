-- What may change and who may change it. The hub works under the role xiezhi_app, which may add to the ledger and the
-- logs but never alter them; the triggers hold even for the owner, so that a slip of an administrator is refused too.

DO $$
BEGIN
    CREATE ROLE xiezhi_app NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL; -- roles belong to the whole cluster; another database made it
END $$;

DO $$
BEGIN
    EXECUTE format('GRANT xiezhi_app TO %I', current_user);
EXCEPTION WHEN OTHERS THEN
    IF NOT pg_has_role(current_user, 'xiezhi_app', 'member') THEN RAISE; END IF;
END $$;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['receipt', 'request_state', 'event', 'audit', 'feedback', 'demand', 'directory_change'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', t);
        EXECUTE format('CREATE TRIGGER append_only_all BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', t);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO xiezhi_app', t);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE ON province, registry, registry_division, principal, credential, webhook TO xiezhi_app;
GRANT SELECT ON schema_migration TO xiezhi_app;
GRANT SELECT, INSERT ON document, document_owner, request_document, parked_message TO xiezhi_app;
GRANT SELECT, INSERT, UPDATE ON lane, ledger_head, feedback_head, audit_head TO xiezhi_app;
GRANT SELECT, INSERT ON request, outbox, outcome, dead_letter, undelivered_job, undelivered_target TO xiezhi_app;
-- A request's contents are fixed at acceptance; only its place in the process moves.
GRANT UPDATE (state, state_n, attempt) ON request TO xiezhi_app;
GRANT UPDATE (tries, last_error, confirmed_at) ON outbox TO xiezhi_app;
GRANT UPDATE (disposition, fed_back_at) ON outcome TO xiezhi_app;
GRANT UPDATE (status, decided_by, decided_at, reason, released_at) ON dead_letter TO xiezhi_app;
GRANT UPDATE (finished_at) ON undelivered_job TO xiezhi_app;
GRANT UPDATE (done_at, outcome, note) ON undelivered_target TO xiezhi_app;
GRANT SELECT ON inv_request, inv_state, inv_outbox, inv_receipt, inv_head, inv_result, inv_dead, inv_event, inv_audit TO xiezhi_app;
