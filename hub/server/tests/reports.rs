//! Reports against the event log: whatever happened, the numbers are those of a recount by other means.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use hub::{
    ledger::stamp::Stamper,
    outcomes,
    reports::{self, Report},
    store::reports::{Counts, Group},
};
use jiff::{Timestamp, civil::Date};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use support::{Database, OTHER, REGISTRY, Request};
use uuid::Uuid;
use xiezhi_schemas::message::OutcomeMessage;

fn message(json: &serde_json::Value) -> OutcomeMessage {
    serde_json::from_value(json.clone()).unwrap()
}

fn result(request: &Request, status: &str) -> OutcomeMessage {
    let mut registration = serde_json::json!({
        "status": status, "business_number": "B-1", "registered_at": "2024-03-04T02:00:00Z",
    });
    if status == "waiting" {
        registration["waiting_position"] = 1.into();
    }
    if status != "lifted" {
        registration["period_from"] = "2024-03-04".into();
        registration["period_to"] = "2027-03-03".into();
    }
    message(&serde_json::json!({
        "schema": "xiezhi.result.v1", "request_id": request.request_id, "registry": request.registry,
        "registration": registration,
    }))
}

fn returned(request: &Request, reasons: &[&str]) -> OutcomeMessage {
    message(&serde_json::json!({
        "schema": "xiezhi.return.v1", "request_id": request.request_id, "registry": request.registry, "reasons": reasons,
        "text": "证号与登记簿记载的不一致，请核对后重新发送", "differing_fields": ["certificates"],
        "decided_at": "2024-03-04T02:00:00Z",
    }))
}

/// Makes the request undelivered as the recorder does, and perhaps closes it as an operator does.
async fn undelivered(db: &Database, request: &Request, cause: &str, closed: bool) {
    let (status, states) = if closed { ("closed", 2) } else { ("open", 1) };
    db.admin
        .execute(
            "WITH dead AS (
                 INSERT INTO dead_letter (message_id, request_id, attempt, registry, tier, queue, cause, code, exchange,
                                          routing_key, first_at, status, decided_by, decided_at, reason)
                 VALUES ($1, $2, 1, $3, 'province', 'undelivered.province', $4, 'HUB-3010', 'court', 'k', clock_timestamp(), $5,
                         CASE WHEN $5 = 'closed' THEN 'operator-a' END, CASE WHEN $5 = 'closed' THEN clock_timestamp() END,
                         CASE WHEN $5 = 'closed' THEN 'given up' END)),
             logged AS (
                 INSERT INTO request_state
                 SELECT $2, 1 + n, CASE n WHEN 1 THEN 'undelivered' ELSE 'closed' END, clock_timestamp(), 'x', 'x'
                 FROM generate_series(1, $6::int) AS n)
             UPDATE request SET state = CASE $6 WHEN 1 THEN 'undelivered' ELSE 'closed' END, state_n = 1 + $6
             WHERE request_id = $2",
            &[&request.message_id, &request.request_id, &request.registry, &cause, &status, &states],
        )
        .await
        .unwrap();
}

/// What the report should say, counted one request after the other from the views.
async fn recount(
    db: &Database,
) -> (BTreeMap<(&'static str, String), HashMap<&'static str, i64>>, BTreeMap<String, i64>) {
    let mut groups: BTreeMap<(&'static str, String), HashMap<&'static str, i64>> = BTreeMap::new();
    let mut reasons = BTreeMap::new();
    let requests = db.admin.query("SELECT request_id, registry FROM inv_request", &[]).await.unwrap();
    for row in requests {
        let (id, registry): (Uuid, String) = (row.get(0), row.get(1));
        let log = db
            .admin
            .query("SELECT state FROM inv_state WHERE request_id = $1 ORDER BY n", &[&id])
            .await
            .unwrap();
        let states: Vec<String> = log.iter().map(|row| row.get(0)).collect();
        let outcome = db
            .admin
            .query_opt("SELECT body FROM outcome WHERE request_id = $1 AND disposition = 'effective'", &[&id])
            .await
            .unwrap();
        let body: Option<serde_json::Value> = outcome.map(|row| row.get(0));
        let mut marks = vec!["accepted"];
        if states.iter().any(|state| state == "delivered") {
            marks.push("received");
        }
        if states.iter().any(|state| state == "undelivered") {
            marks.push("ever_undelivered");
        }
        let standing = body.as_ref().and_then(|body| body["registration"]["status"].as_str());
        marks.push(match (states.last().unwrap().as_str(), standing) {
            ("registered", Some("formal")) => "registered_formal",
            ("registered", Some("waiting")) => "registered_waiting",
            ("registered", Some("lifted")) => "lifted",
            ("returned", _) => "returned",
            ("withdrawn", _) => "withdrawn",
            ("in_flight", _) => "in_flight",
            ("delivered", _) => "undecided",
            ("undelivered", _) => "undelivered",
            ("closed", _) => "closed",
            other => panic!("{other:?}"),
        });
        for reason in body.iter().filter_map(|body| body["reasons"].as_array()).flatten() {
            *reasons.entry(reason.as_str().unwrap().to_owned()).or_default() += 1;
        }
        for key in [("all", String::new()), ("registry", registry)] {
            let group = groups.entry(key).or_default();
            for mark in &marks {
                *group.entry(mark).or_default() += 1;
            }
        }
    }
    (groups, reasons)
}

fn numbers(counts: &Counts) -> HashMap<&'static str, i64> {
    [
        ("accepted", counts.accepted),
        ("received", counts.received),
        ("registered_formal", counts.registered_formal),
        ("registered_waiting", counts.registered_waiting),
        ("lifted", counts.lifted),
        ("returned", counts.returned),
        ("withdrawn", counts.withdrawn),
        ("in_flight", counts.in_flight),
        ("undecided", counts.undecided),
        ("undelivered", counts.undelivered),
        ("closed", counts.closed),
        ("ever_undelivered", counts.ever_undelivered),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .collect()
}

fn today() -> Date {
    Timestamp::now().in_tz("Asia/Shanghai").unwrap().date()
}

async fn report(db: &Database) -> Report {
    // Both days, should midnight pass while the test runs.
    reports::make(&db.store, today().yesterday().unwrap(), today(), None).await.unwrap()
}

/// R63: numbers reconcile with the event log.
#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_are_those_of_the_event_log() {
    let db = Database::new("reports").await;
    let stamper = Stamper::new(db.store.clone(), Duration::from_secs(1), support::rules());
    let mut rng = StdRng::seed_from_u64(63);
    for unit in 0..60 {
        let request = db.request(if rng.random_bool(0.7) { REGISTRY } else { OTHER }, unit).await;
        let fate = rng.random_range(0..8);
        match fate {
            0 => {}
            1 => undelivered(&db, &request, "expired", false).await,
            2 => undelivered(&db, &request, "unroutable", true).await,
            _ => drop(stamper.stamp(&[request.report()]).await.unwrap()),
        }
        let outcome = match fate {
            4 => result(&request, "formal"),
            5 => result(&request, "waiting"),
            6 => returned(&request, &["register_mismatch", "target_inaccurate"]),
            7 => returned(&request, &["withdrawn"]),
            _ => continue,
        };
        drop(outcomes::record(&db.store, &support::rules(), &support::timers(), &[outcome]).await.unwrap());
    }
    let (groups, reasons) = recount(&db).await;
    let report = report(&db).await;
    assert_eq!(numbers(&report.all), groups[&("all", String::new())]);
    assert_eq!(report.all.accepted, 60);
    let by_registry: Vec<&Group> = report.by_registry.iter().collect();
    assert_eq!(by_registry.len(), 2);
    for group in by_registry {
        assert_eq!(numbers(&group.counts), groups[&("registry", group.key.clone())], "{}", group.key);
    }
    let told: BTreeMap<String, i64> =
        report.returns_by_reason.iter().map(|line| (line.reason.clone(), line.returns)).collect();
    assert_eq!(told, reasons);
    let (attempts, open): (i64, i64) = report
        .undelivered_by_cause
        .iter()
        .fold((0, 0), |sum, cause| (sum.0 + cause.attempts, sum.1 + cause.open));
    assert_eq!((attempts, open), (report.all.ever_undelivered, report.all.undelivered));
    // Every sorting is of the same requests.
    for groups in
        [&report.by_kind, &report.by_channel, &report.by_court, &report.by_province, &report.by_registry]
    {
        assert_eq!(groups.iter().map(|group| group.counts.accepted).sum::<i64>(), 60);
        assert_eq!(groups.iter().map(|group| group.counts.received).sum::<i64>(), report.all.received);
    }
    // The share of results on time is that of the outcomes themselves.
    let row = db
        .admin
        .query_one(
            "SELECT count(*) FILTER (WHERE due_at IS NOT NULL), count(*) FILTER (WHERE fed_back_at <= due_at)
             FROM outcome WHERE disposition = 'effective'",
            &[],
        )
        .await
        .unwrap();
    let (due, on_time): (i64, i64) = (row.get(0), row.get(1));
    assert_eq!((report.all.results_due, report.all.results_on_time), (due, on_time));
    assert_eq!(report.all.on_time_share, Some(on_time as f64 / due as f64));
    assert_eq!(report.scans_by_organisation, []);
    // What the register made of these results has issues; the sums are those of the list.
    let issues = db.admin.query("SELECT cause, closed_at IS NULL FROM inv_issue", &[]).await.unwrap();
    let mut counted: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for row in issues {
        let sum = counted.entry(row.get(0)).or_default();
        *sum = (sum.0 + 1, sum.1 + i64::from(row.get::<_, bool>(1)));
    }
    let told: BTreeMap<String, (i64, i64)> =
        report.issues_by_cause.iter().map(|line| (line.cause.clone(), (line.opened, line.open))).collect();
    assert_eq!(told, counted);
    let (p50, p99, max) = (
        report.all.wait_p50_seconds.unwrap(),
        report.all.wait_p99_seconds.unwrap(),
        report.all.wait_max_seconds.unwrap(),
    );
    assert!(0.0 < p50 && p50 <= p99 && p99 <= max, "{p50} {p99} {max}");
    db.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_over_nothing_is_all_zero_and_other_days_and_provinces_do_not_count() {
    let db = Database::new("reports_empty").await;
    db.request(REGISTRY, 1).await;
    let past: Date = "2020-01-01".parse().unwrap();
    let nothing = reports::make(&db.store, past, past, None).await.unwrap();
    assert_eq!((numbers(&nothing.all), nothing.by_kind.len()), (HashMap::new(), 0));
    assert_eq!(nothing.all.wait_p50_seconds, None);
    let elsewhere = Some("11".parse().unwrap());
    let elsewhere = reports::make(&db.store, today().yesterday().unwrap(), today(), elsewhere).await.unwrap();
    assert_eq!(elsewhere.all.accepted, 0);
    assert_eq!(report(&db).await.all.accepted, 1);
    db.finish().await;
}
