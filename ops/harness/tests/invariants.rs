//! Every check of the invariants can fail: a small ledger that is right passes, and each planted violation is found.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "invariants/ledger.rs"]
mod ledger;

use std::time::Duration;

use harness::TestEnv;
use harness::invariants::{
    self, Attempt, BrokerView, Copies, Depth, Entry, Evidence, Held, JournalLine, Outcome, Queue, Settled,
    Shown,
};
use ledger::{LANE, REGISTRY, UNIT, digest, message, request};
use serde_json::json;
use tokio_postgres::Client;

/// A session without triggers and foreign keys, on the small ledger.
async fn small_ledger(env: &TestEnv) -> Client {
    let client = invariants::connect(env.database_url()).await.unwrap();
    ledger::migrate(&client).await;
    client.batch_execute("SET session_replication_role = replica").await.unwrap();
    ledger::fill(&client).await;
    client
}

fn attempt(key: &str, status: u16, requests: &[u32]) -> Attempt {
    let requests: Vec<_> = requests
        .iter()
        .map(|n| json!({"request_id": request(*n), "registry": REGISTRY, "body_sha256": digest(*n)}))
        .collect();
    Attempt {
        sender: "court-a".to_owned(),
        key: key.to_owned(),
        meaning: format!("meaning of {key}"),
        latency: Duration::from_millis(20),
        outcome: Outcome::Answered { status, body: json!({"requests": requests}) },
    }
}

fn line(n: u32, at: &str, entry: Entry) -> JournalLine {
    JournalLine { registry: REGISTRY.to_owned(), request_id: request(n), at: at.parse().unwrap(), entry }
}

fn taken(n: u32) -> JournalLine {
    line(n, "2026-03-01T00:00:01Z", Entry::Taken { body_sha256: digest(n) })
}

/// The same as a queue.
fn queue() -> Queue {
    let lines = (1..=3).map(|n| (Some(u64::from(n)), request(n), Some(i64::from(n)))).collect();
    Queue { unit: UNIT.to_owned(), lines }
}

fn shown(n: u32, no: i64, state: &str) -> Shown {
    let at = format!("2026-03-01T00:00:0{}Z", no + 1).parse().unwrap();
    Shown {
        unit: UNIT.to_owned(),
        request_id: request(n),
        no: Some(no),
        delivered_at: Some(at),
        state: state.to_owned(),
    }
}

/// All evidence of the small ledger, as it should be.
async fn evidence(env: &TestEnv, client: &Client) -> Evidence {
    let mut copies = Copies::default();
    copies.take(client).await.unwrap();
    let held = Held { queue: "undelivered.province.32".to_owned(), message_id: message(4) };
    Evidence {
        database_url: env.database_url().to_owned(),
        clients: Some(vec![
            attempt("D1", 201, &[1]),
            attempt("D1", 200, &[1]),
            attempt("D2", 201, &[2]),
            attempt("D3", 201, &[3]),
            attempt("D4", 201, &[4]),
        ]),
        journals: Some(vec![
            taken(1),
            taken(2),
            line(2, "2026-03-01T00:00:02Z", Entry::Duplicate { body_sha256: digest(2) }),
            taken(3),
        ]),
        broker: Some(BrokerView {
            depths: vec![
                Depth { queue: format!("registry.{REGISTRY}.demand"), ready: 0, unacknowledged: 0 },
                Depth { queue: held.queue.clone(), ready: 1, unacknowledged: 0 },
            ],
            held: vec![held],
        }),
        copies: Some(copies),
        settled: Some(Settled::After(Duration::from_secs(3))),
        shown: Some(vec![shown(1, 1, "registered"), shown(2, 2, "delivered"), shown(3, 3, "delivered")]),
        queues: Some(vec![queue()]),
    }
}

#[tokio::test]
async fn a_right_ledger_passes_every_check() {
    let env = TestEnv::new("invariants_hold").await.unwrap();
    let client = small_ledger(&env).await;
    let evidence = evidence(&env, &client).await;
    let report = invariants::check(&evidence).await.unwrap();
    assert!(report.is_clean(), "{report}");
    let ids: std::collections::BTreeSet<_> = report.findings.iter().map(|finding| finding.id).collect();
    let wanted =
        ["V01", "V02", "V03", "V04", "V05", "V06", "V07", "V08", "V09", "V10", "V11", "V12", "V13", "V14"];
    let more = ["V15", "V16", "V17", "V18", "V19", "V20", "V21", "V22", "V24"];
    assert!(wanted.iter().chain(&more).all(|id| ids.contains(id)), "{ids:?}");
    let now = invariants::snapshot(&client, evidence.copies.as_ref().unwrap()).await.unwrap();
    assert!(now.is_clean(), "{now}");

    let nothing = Evidence { database_url: env.database_url().to_owned(), ..Evidence::default() };
    let report = invariants::check(&nothing).await.unwrap();
    assert!(
        !report.is_clean() && report.violated().is_empty(),
        "what is not checked is neither true nor untrue"
    );
    assert!(report.not_checked().count() >= 8, "{report}");
    env.finish().await.unwrap();
}

/// Plants each violation alone and looks for its number.
#[tokio::test]
async fn every_violation_in_the_database_is_found() {
    let env = TestEnv::new("invariants_db").await.unwrap();
    let client = small_ledger(&env).await;
    let evidence = evidence(&env, &client).await;
    let mut blind = Vec::new();
    for (id, sql) in ledger::violations() {
        client.batch_execute("BEGIN").await.unwrap();
        client.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{id} {sql}: {error:?}"));
        let report = invariants::check_on(&client, &evidence).await.unwrap();
        client.batch_execute("ROLLBACK").await.unwrap();
        if !report.violated().contains(id) {
            blind.push(format!("{id} did not see {sql}; violated: {:?}", report.violated()));
        }
    }
    assert!(blind.is_empty(), "{blind:#?}");
    env.finish().await.unwrap();
}

/// A receipt of the window with its evidence breaks nothing that speaks of channels.
#[tokio::test]
async fn a_right_receipt_of_the_window_passes() {
    let env = TestEnv::new("invariants_window").await.unwrap();
    let client = small_ledger(&env).await;
    let mut evidence = evidence(&env, &client).await;
    // Nobody sent it by the network, and no connector brought it.
    evidence.clients.as_mut().unwrap().retain(|attempt| attempt.key != "D3");
    evidence.journals.as_mut().unwrap().pop();
    client.batch_execute("BEGIN").await.unwrap();
    client.batch_execute(&ledger::window("2026-03-01T00:00:03.5Z", "")).await.unwrap();
    let report = invariants::check_on(&client, &evidence).await.unwrap();
    for id in ["V01", "V02", "V06", "V08", "V09", "V12", "V19", "V20"] {
        assert!(!report.violated().contains(id), "{id}: {report}");
    }
    client.batch_execute("ROLLBACK").await.unwrap();
    env.finish().await.unwrap();
}

#[tokio::test]
async fn every_violation_outside_the_database_is_found() {
    type Change = fn(&mut Evidence);
    let changes: [(&str, Change); 23] = [
        ("V01", |e| e.clients.as_mut().unwrap().push(attempt("D5", 201, &[9]))),
        ("V01", |e| e.clients.as_mut().unwrap().retain(|a| a.key != "D3")),
        ("V01", |e| e.clients.as_mut().unwrap()[2] = attempt("D2", 201, &[2, 3])),
        ("V03", |e| e.broker.as_mut().unwrap().held.clear()),
        ("V03", |e| e.broker.as_mut().unwrap().depths[0].unacknowledged = 1),
        ("V03", |e| {
            let held = Held { queue: "undelivered.court".to_owned(), message_id: message(1) };
            e.broker.as_mut().unwrap().held.push(held);
        }),
        ("V04", |e| e.settled = Some(Settled::After(Duration::from_secs(61)))),
        ("V04", |e| {
            e.settled = Some(Settled::Not { waited: Duration::from_secs(90), left: "one".to_owned() })
        }),
        ("V04", |e| e.clients.as_mut().unwrap()[0].latency = Duration::from_secs(6)),
        ("V04", |e| e.clients.as_mut().unwrap().push(attempt("D1", 500, &[]))),
        ("V05", |e| {
            let mut other = attempt("D1", 201, &[1]);
            other.meaning = "another".to_owned();
            e.clients.as_mut().unwrap().push(other);
        }),
        ("V05", |e| e.clients.as_mut().unwrap().push(attempt("D1", 200, &[2]))),
        ("V05", |e| e.clients.as_mut().unwrap().push(attempt("D1", 422, &[]))),
        ("V09", |e| drop(e.journals.as_mut().unwrap().remove(0))),
        ("V09", |e| e.journals.as_mut().unwrap().push(line(3, "2026-03-01T00:00:09Z", Entry::Voided))),
        ("V09", |e| e.journals.as_mut().unwrap().push(taken(9))),
        ("V15", |e| e.copies.as_mut().unwrap().heads[0].hash = digest(77)),
        ("V16", |e| {
            let row = e.copies.as_mut().unwrap().receipts.values_mut().next().unwrap();
            *row = row.replace("net", "p2p");
        }),
        ("V17", |e| {
            let other = Entry::Duplicate { body_sha256: digest(77) };
            e.journals.as_mut().unwrap().push(line(1, "2026-03-01T00:00:05Z", other));
        }),
        ("V19", |e| {
            e.shown.as_mut().unwrap()[0].delivered_at = Some("2026-03-02T00:00:00Z".parse().unwrap())
        }),
        // A place that no receipt gives, two that are exchanged, one that is missing.
        ("V19", |e| e.queues.as_mut().unwrap()[0].lines[2].0 = Some(4)),
        ("V19", |e| e.queues.as_mut().unwrap()[0].lines.swap(0, 1)),
        ("V19", |e| drop(e.queues.as_mut().unwrap()[0].lines.pop())),
    ];
    let env = TestEnv::new("invariants_outside").await.unwrap();
    let client = small_ledger(&env).await;
    let right = evidence(&env, &client).await;
    for (place, (id, change)) in changes.into_iter().enumerate() {
        let mut wrong = right.clone();
        change(&mut wrong);
        let report = invariants::check(&wrong).await.unwrap();
        assert!(report.violated().contains(id), "change {place} for {id} was not seen:\n{report}");
    }
    // A registry that registers what it has not taken yet.
    let mut early = right.clone();
    early.journals.as_mut().unwrap()[0].at = "2026-03-01T01:00:00Z".parse().unwrap();
    assert!(invariants::check(&early).await.unwrap().violated().contains("V18"));
    // One that struck a demand out, took it again, and reports what it decided before.
    let mut stale = right.clone();
    let journal = stale.journals.as_mut().unwrap();
    journal.push(line(1, "2026-03-01T00:30:00Z", Entry::Voided));
    journal.push(line(1, "2026-03-01T01:00:00Z", Entry::Taken { body_sha256: digest(1) }));
    assert_eq!(invariants::check(&stale).await.unwrap().violated().into_iter().collect::<Vec<_>>(), ["V18"]);
    env.finish().await.unwrap();
}

#[tokio::test]
async fn a_snapshot_sees_what_must_hold_at_any_moment() {
    let env = TestEnv::new("invariants_snapshot").await.unwrap();
    let client = small_ledger(&env).await;
    let mut copies = Copies::default();
    copies.take(&client).await.unwrap();
    let planted = format!(
        "DELETE FROM outbox WHERE request_id = '{}'; UPDATE receipt SET local_reference = 'x', no = 7 WHERE no = 3; \
         UPDATE request SET lane = '{LANE}-other' WHERE request_id = '{}'",
        request(1),
        request(3)
    );
    client.batch_execute(&planted).await.unwrap();
    let violated = invariants::snapshot(&client, &copies).await.unwrap().violated();
    assert!(["V06", "V10", "V16"].iter().all(|id| violated.contains(id)), "{violated:?}");
    env.finish().await.unwrap();
}
