//! A small ledger written by hand, and the statements that spoil it in every way the checks must see.

use sm3::{Digest as _, Sm3};
use tokio_postgres::Client;

pub const REGISTRY: &str = "320102";
pub const UNIT: &str = "320102001001GB00001F00010001";
pub const LANE: &str = "320102/320102001001GB00001F00010001";

macro_rules! migration {
    ($name:literal) => {
        include_str!(concat!("../../../../migrations/", $name))
    };
}

const MIGRATIONS: [&str; 9] = [
    include_str!("../../../../hub/server/src/store/queries/schema_migration/create.sql"),
    migration!("0001_directory.sql"),
    migration!("0002_requests.sql"),
    migration!("0003_ledger.sql"),
    migration!("0004_outcomes.sql"),
    migration!("0005_undelivered.sql"),
    migration!("0006_views.sql"),
    migration!("0007_guards.sql"),
    migration!("0014_matters.sql"),
];

pub async fn migrate(client: &Client) {
    for sql in MIGRATIONS {
        client.batch_execute(sql).await.unwrap();
    }
}

pub fn request(n: u32) -> String {
    format!("00000000-0000-7000-8000-{n:012}")
}

pub fn message(n: u32) -> String {
    format!("00000000-0000-7000-9000-{n:012}")
}

pub fn digest(n: u32) -> String {
    format!("{n:064x}")
}

fn sm3(text: &str) -> String {
    hex::encode(Sm3::digest(text.as_bytes()))
}

/// Demand 1 is registered, 2 delivered, 3 delivered after a replay, 4 undelivered; all in one lane.
pub async fn fill(client: &Client) {
    let mut sql = String::new();
    for n in 1..=4 {
        let state = ["registered", "delivered", "delivered", "undelivered"][n as usize - 1];
        let states: &[(&str, &str)] = match n {
            1 => &[("in_flight", "hub"), ("delivered", "connector"), ("registered", "registry")],
            2 => &[("in_flight", "hub"), ("delivered", "connector")],
            3 => &[
                ("in_flight", "hub"),
                ("undelivered", "broker"),
                ("in_flight", "olga"),
                ("delivered", "connector"),
            ],
            _ => &[("in_flight", "hub"), ("undelivered", "broker")],
        };
        sql += &format!(
            "INSERT INTO request VALUES ('{r}', 'court-a', 'D{n}', 1, 'seizure', '京0105', 'case', 'ruling', NULL, '{UNIT}', '32', \
             '{REGISTRY}', '{LANE}', {n}, 'key', '{m}', 'x', decode('{d}', 'hex'), NULL, NULL, '2026-03-01T00:00:00Z', '{state}', {k}, 1);\n\
             INSERT INTO demand VALUES ('court-a', 'D{n}', decode('{d}', 'hex'), 'x', '{{}}', '2026-03-01T00:00:00Z');\n",
            r = request(n),
            m = message(n),
            d = digest(n),
            k = states.len()
        );
        for (k, (state, actor)) in states.iter().enumerate() {
            let at = if k == 0 { 0 } else { n as usize };
            sql += &format!(
                "INSERT INTO request_state VALUES ('{}', {}, '{state}', '2026-03-01T00:00:0{at}Z', '{actor}', 'test');\n",
                request(n),
                k + 1
            );
        }
        sql += &outbox(n, "first", 1);
    }
    sql += &outbox(3, "replay", 2);
    sql += &dead(3, "replayed");
    sql += &dead(4, "open");
    let mut prev = sm3(&format!("xiezhi-genesis-v1|sm3|{REGISTRY}"));
    for n in 1..=3 {
        let at = format!("2026-03-01T00:00:0{}Z", n + 1);
        let micros = 1_772_323_200_000_000_i64 + (i64::from(n) + 1) * 1_000_000;
        let hash = sm3(&format!(
            "xiezhi-receipt-v1|sm3|{prev}|{REGISTRY}|{n}|{}|{}|{}|net|{micros}|{micros}",
            request(n),
            message(n),
            digest(n)
        ));
        sql += &format!(
            "INSERT INTO receipt VALUES ('{REGISTRY}', {n}, '{}', '{}', decode('{}', 'hex'), 'net', '{at}', '{at}', 200, 1, 'c', '{at}', \
             '{at}', NULL, NULL, decode('{prev}', 'hex'), decode('{hash}', 'hex'));\n",
            request(n),
            message(n),
            digest(n)
        );
        prev = hash;
    }
    sql += &format!(
        "INSERT INTO ledger_head VALUES ('{REGISTRY}', 3, '2026-03-01T00:00:04Z', decode('{prev}', 'hex'), 3, decode('{prev}', 'hex'), \
         '2026-03-01T00:00:05Z', '\\x00');\n\
         INSERT INTO outcome VALUES ('{}', 1, 'registered', '{{}}', decode('{}', 'hex'), '2026-03-01T00:00:04Z', '2026-03-01T00:00:03Z', \
         NULL, '2026-03-01T00:00:04Z', 'effective');",
        request(1),
        digest(1)
    );
    client.batch_execute(&sql).await.unwrap();
}

fn outbox(n: u32, kind: &str, attempt: u32) -> String {
    format!(
        "INSERT INTO outbox (request_id, kind, lane, lane_seq, message_id, attempt, created_at, confirmed_at) \
         VALUES ('{}', '{kind}', '{LANE}', {n}, '{}', {attempt}, '2026-03-01T00:00:00Z', '2026-03-01T00:00:01Z');\n",
        request(n),
        message(n)
    )
}

fn dead(n: u32, status: &str) -> String {
    let decided = if status == "open" { "NULL, NULL" } else { "'olga', '2026-03-01T00:00:02Z'" };
    format!(
        "INSERT INTO dead_letter (message_id, request_id, attempt, registry, tier, queue, cause, code, exchange, routing_key, first_at, \
         status, decided_by, decided_at) VALUES ('{}', '{}', 1, '{REGISTRY}', 'province.32', 'undelivered.province.32', 'expired', \
         'HUB-4001', 'court', 'key', '2026-03-01T00:00:01Z', '{status}', {decided});\n\
         INSERT INTO event (at, kind, request_id, detail) VALUES ('2026-03-01T00:00:01Z', 'parked', '{}', '{{}}');\n",
        message(n),
        request(n),
        request(n)
    )
}

/// Number of the invariant and what breaks it.
pub fn violations() -> Vec<(&'static str, String)> {
    let r = request;
    let state = |n: u32, k: u32, state: &str, at: &str| {
        format!("INSERT INTO request_state VALUES ('{}', {k}, '{state}', '{at}', 'x', 'x')", r(n))
    };
    let late = "2026-03-01T01:00:00Z";
    let free = "ALTER TABLE receipt DROP CONSTRAINT receipt_request_id_registry_key, \
                DROP CONSTRAINT receipt_registry_message_id_key; ";
    let again = "INSERT INTO receipt SELECT registry, 4, request_id, message_id, body_sha256, channel, delivered_at + interval '1 h', \
                 recorded_at + interval '1 h', clock_err_us, attempt, connector, push_started_at, push_answered_at, NULL, NULL, prev_hash, hash \
                 FROM receipt WHERE no = 1";
    let other_request = again.replace("request_id, message_id,", &format!("'{}', message_id,", r(8)));
    let of_four = again.replace("request_id, message_id,", &format!("'{}', '{}',", r(4), message(4)));
    let wish = |n: u32, state: &str, decided: &str| {
        format!(
            "INSERT INTO withdrawal (withdrawal_id, request_id, sender, body_sha256, submission, message, asked_at, state, decided_at) \
             SELECT gen_random_uuid(), request_id, sender, body_sha256, '', '', accepted_at, '{state}', {decided} \
             FROM request WHERE request_id = '{}'",
            r(n)
        )
    };
    vec![
        ("V01", format!("ALTER TABLE request DROP CONSTRAINT request_state_check; UPDATE request SET state = 'lost' WHERE request_id = '{}'", r(1))),
        ("V01", format!("UPDATE request SET body_sha256 = decode('{}', 'hex') WHERE request_id = '{}'", digest(77), r(1))),
        ("V02", format!("DELETE FROM request_state WHERE n = 2 AND request_id = '{}'", r(1))),
        ("V02", format!("UPDATE request_state SET state = 'closed' WHERE n = 2 AND request_id = '{}'", r(1))),
        ("V02", format!("UPDATE request SET state = 'returned' WHERE request_id = '{}'", r(1))),
        ("V02", format!("UPDATE request_state SET state = 'delivered' WHERE n = 1 AND request_id = '{}'", r(2))),
        ("V03", format!("UPDATE request SET state = 'in_flight' WHERE request_id = '{}'", r(2))),
        ("V03", format!("UPDATE outbox SET confirmed_at = NULL WHERE request_id = '{}'", r(2))),
        ("V03", format!("DELETE FROM dead_letter WHERE request_id = '{}'", r(4))),
        ("V03", format!("UPDATE request SET state = 'closed' WHERE request_id = '{}'", r(4))),
        ("V05", format!("ALTER TABLE request DROP CONSTRAINT request_sender_demand_id_unit_index_key; UPDATE request SET demand_id = 'D1', unit_index = 2 WHERE request_id IN ('{}', '{}')", r(2), r(3))),
        ("V06", format!("DELETE FROM outbox WHERE request_id = '{}'", r(1))),
        ("V06", format!("DELETE FROM request_state WHERE request_id = '{}'", r(4))),
        ("V06", format!("DELETE FROM request WHERE request_id = '{}'", r(1))),
        ("V07", "ALTER TABLE receipt DROP CONSTRAINT receipt_request_id_registry_key".to_owned()),
        ("V07", format!("{free}{again}; ALTER TABLE receipt ADD UNIQUE (registry, message_id, no), ADD UNIQUE (request_id, registry, no)")),
        ("V07", format!("ALTER TABLE receipt DROP CONSTRAINT receipt_registry_message_id_key; {other_request}")),
        ("V08", format!("{of_four}; DELETE FROM outbox WHERE request_id = '{}'", r(8))),
        ("V08", "DELETE FROM receipt WHERE no = 3".to_owned()),
        ("V09", format!("DELETE FROM receipt WHERE request_id = '{}'", r(2))),
        ("V09", format!("UPDATE outbox SET confirmed_at = NULL WHERE request_id = '{}'", r(1))),
        ("V10", "UPDATE receipt SET no = 9 WHERE no = 3".to_owned()),
        ("V10", "DELETE FROM receipt WHERE no = 1".to_owned()),
        ("V11", "UPDATE receipt SET recorded_at = '2026-03-01T00:00:02.5Z', delivered_at = '2026-03-01T00:00:02.5Z' WHERE no = 1; UPDATE receipt SET recorded_at = '2026-03-01T00:00:02.1Z', delivered_at = '2026-03-01T00:00:02.1Z' WHERE no = 2".to_owned()),
        ("V12", "ALTER TABLE receipt DROP CONSTRAINT receipt_check1; UPDATE receipt SET delivered_at = recorded_at - interval '1 s' WHERE no = 1".to_owned()),
        ("V12", "UPDATE receipt SET channel = 'window' WHERE no = 2".to_owned()),
        ("V13", "UPDATE receipt SET clock_err_us = 1000001 WHERE no = 2".to_owned()),
        ("V13", "UPDATE receipt SET recorded_at = now() + interval '1 day', delivered_at = now() + interval '1 day' WHERE no = 3".to_owned()),
        ("V14", format!("UPDATE receipt SET body_sha256 = decode('{}', 'hex') WHERE no = 2", digest(77))),
        ("V14", "UPDATE receipt SET recorded_at = recorded_at + interval '1 us', delivered_at = delivered_at + interval '1 us' WHERE no = 3".to_owned()),
        ("V14", format!("UPDATE receipt SET prev_hash = decode('{}', 'hex') WHERE no = 1", digest(77))),
        ("V14", format!("UPDATE ledger_head SET signed_hash = decode('{}', 'hex')", digest(77))),
        ("V15", format!("UPDATE receipt SET hash = decode('{}', 'hex') WHERE no = 3", digest(77))),
        ("V16", "UPDATE receipt SET clock_err_us = 201 WHERE no = 1".to_owned()),
        ("V16", "GRANT UPDATE ON receipt TO xiezhi_app".to_owned()),
        ("V16", "GRANT DELETE ON receipt TO xiezhi_app".to_owned()),
        ("V16", "GRANT UPDATE (channel) ON receipt TO xiezhi_app".to_owned()),
        ("V17", format!("UPDATE receipt SET body_sha256 = decode('{}', 'hex') WHERE no = 2", digest(77))),
        ("V18", format!("UPDATE request SET accepted_at = '{late}' WHERE request_id = '{}'", r(2))),
        ("V18", format!("UPDATE outbox SET confirmed_at = created_at - interval '1 s' WHERE request_id = '{}'", r(2))),
        ("V18", "UPDATE outcome SET fed_back_at = '2026-03-01T00:00:01Z'".to_owned()),
        ("V18", format!("UPDATE outcome SET registered_at = '{late}'")),
        ("V19", format!("UPDATE request SET prior_request_id = '{}' WHERE request_id = '{}'", r(3), r(2))),
        ("V19", "ALTER TABLE receipt DROP CONSTRAINT receipt_registry_recorded_at_key; UPDATE receipt SET delivered_at = '2026-03-01T00:00:03Z', recorded_at = '2026-03-01T00:00:03Z' WHERE no = 3".to_owned()),
        ("V20", format!("UPDATE request SET lane_seq = 11 WHERE request_id = '{}'", r(1))),
        ("V20", format!("DELETE FROM event; UPDATE request SET lane_seq = 0 + 12 WHERE request_id = '{}'", r(2))),
        ("V20", format!("DELETE FROM event; UPDATE request SET lane_seq = 10 + lane_seq WHERE request_id <> '{}'", r(4))),
        ("V21", state(1, 4, "returned", late)),
        ("V21", format!("UPDATE request_state SET state = 'closed', at = '{late}' WHERE n = 3 AND request_id = '{}'", r(1))),
        ("V21", format!("UPDATE request_state SET actor = 'mallory' WHERE n = 3 AND request_id = '{}'", r(3))),
        ("V21", format!("UPDATE request_state SET state = 'returned', at = '2026-03-01T00:00:00Z' WHERE n = 3 AND request_id = '{}'", r(1))),
        ("V21", wish(2, "agreed", "now()")),
        ("V21", wish(1, "open", "NULL")),
        ("V22", format!("DROP INDEX outcome_effective; INSERT INTO outcome SELECT request_id, 2, outcome, body, decode('{}', 'hex'), received_at, registered_at, due_at, fed_back_at, disposition FROM outcome", digest(77))),
        ("V22", format!("INSERT INTO outcome SELECT request_id, 2, 'returned', body, decode('{}', 'hex'), received_at, NULL, due_at, NULL, 'disputed' FROM outcome", digest(77))),
        ("V24", format!("UPDATE outbox SET message_id = '{}' WHERE kind = 'replay'", message(77))),
        ("V24", "UPDATE outbox SET kind = 'first' WHERE kind = 'replay'".to_owned()),
        ("V24", "DELETE FROM outbox WHERE kind = 'replay'".to_owned()),
        ("V24", format!("UPDATE receipt SET message_id = '{}' WHERE no = 1", message(77))),
    ]
}
