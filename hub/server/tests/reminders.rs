//! R36, R41, R54: reminders on a real database, with the clock in the test's hand: made once, escalated, told, ended, and
//! caught up with after any pause.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::time::Duration;

use hub::{
    calendar,
    config::{CalendarSettings, Loaded},
    http::metrics::Metrics,
    ledger::stamp::Stamper,
    outcomes,
    reminders::{Round, fill, round},
};
use jiff::{Timestamp, civil::date};
use support::{Database, REGISTRY, Request, timers};
use tokio_util::sync::CancellationToken;
use xiezhi_domain::{timers::Timers, workdays::Calendar};
use xiezhi_schemas::{
    message::{OutcomeMessage, OutcomeVerdict},
    workdays::{Day, Departure, vendored},
};

fn at(text: &str) -> Timestamp {
    format!("{text}+08:00").parse().unwrap()
}

/// Made-up years after the compiled-in ones, so that no test depends on the day on which it runs.
fn made_up_years() -> Vec<Departure> {
    let row = |year| Departure {
        date: date(year, 1, 1),
        day: Day::Off,
        name: "元旦".to_owned(),
        notice: "虚构通知".to_owned(),
    };
    (2027..2040).map(row).collect()
}

fn timers_for_ever() -> Timers {
    Timers::new(Calendar::compiled_in().extended(&made_up_years()), timers().targets().clone())
}

impl Database {
    async fn round(&self, now: &str) -> Round {
        round(&self.store, &timers_for_ever(), at(now)).await.unwrap()
    }

    async fn execute(&self, sql: &str, request: &Request, instant: &str) {
        assert_eq!(self.admin.execute(sql, &[&request.request_id, &at(instant)]).await.unwrap(), 1, "{sql}");
    }

    /// A request that was accepted at that instant.
    async fn accepted(&self, unit: u32, instant: &str) -> Request {
        let request = self.request(REGISTRY, unit).await;
        self.execute("UPDATE request SET accepted_at = $2 WHERE request_id = $1", &request, instant).await;
        self.execute("UPDATE outbox SET created_at = $2 WHERE request_id = $1", &request, instant).await;
        request
    }

    async fn passed_on(&self, request: &Request, instant: &str) {
        self.execute("UPDATE outbox SET confirmed_at = $2 WHERE request_id = $1", request, instant).await;
    }

    /// Its receipt, as if it had been stamped then (each a microsecond after the one before); the chain is not this test's matter.
    async fn delivered(&self, request: &Request, instant: &str) {
        self.execute(
            "WITH head AS (
                 INSERT INTO ledger_head (registry, size, hash) VALUES ('320102', 1, sha256(''))
                 ON CONFLICT (registry) DO UPDATE SET size = ledger_head.size + 1 RETURNING size)
             INSERT INTO receipt SELECT '320102', head.size, request_id, message_id, body_sha256, 'net', at, at, 0, 1,
                 'test-connector', $2, $2, NULL, NULL, sha256(''), sha256('')
             FROM request, head, LATERAL (SELECT $2::timestamptz + (head.size - 1) * interval '1 microsecond' AS at) AS instant
             WHERE request_id = $1",
            request,
            instant,
        )
        .await;
        self.execute(
            "UPDATE request SET state = 'delivered', state_n = 2 WHERE request_id = $1 AND $2::timestamptz IS NOT NULL",
            request,
            instant,
        )
        .await;
    }

    async fn record(&self, timers: &Timers, message: &OutcomeMessage) -> OutcomeVerdict {
        outcomes::record(&self.store, &support::rules(), timers, std::slice::from_ref(message))
            .await
            .unwrap()
            .remove(0)
            .verdict
    }

    /// `kind addressee level` of the reminders of a request that stand.
    async fn open(&self, request: &Request) -> Vec<String> {
        self.reminders(request, "closed_at IS NULL").await
    }

    /// The same of those that are closed, with why.
    async fn closed(&self, request: &Request) -> Vec<String> {
        self.reminders(request, "closed_at IS NOT NULL").await
    }

    async fn reminders(&self, request: &Request, which: &str) -> Vec<String> {
        let sql = format!(
            "SELECT concat_ws(' ', kind, addressee, level, closed_because) FROM inv_reminder
             WHERE request_id = $1 AND {which} ORDER BY kind, addressee, reminder_id"
        );
        self.admin.query(&sql, &[&request.request_id]).await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    /// What the court was reminded of, in order: `kind level due_at`.
    async fn told(&self, request: &Request) -> Vec<String> {
        let sql = "SELECT concat_ws(' ', body->>'kind', body->>'level', body->>'due_at') FROM feedback
                   WHERE request_id = $1 AND body->>'event' = 'reminder' ORDER BY seq";
        self.admin.query(sql, &[&request.request_id]).await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    /// `timer` of the overdue events of a request.
    async fn overdue(&self, request: &Request) -> Vec<String> {
        let sql =
            "SELECT detail->>'timer' FROM inv_event WHERE request_id = $1 AND kind = 'overdue' ORDER BY at";
        self.admin.query(sql, &[&request.request_id]).await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    async fn due_at(&self, request: &Request) -> Option<Timestamp> {
        let sql = "SELECT due_at FROM inv_result WHERE request_id = $1";
        self.admin.query_one(sql, &[&request.request_id]).await.unwrap().get(0)
    }

    /// V22: told in time, or an overdue event says that not.
    async fn assert_v22(&self) {
        let sql = "SELECT count(*) FROM inv_result r WHERE r.fed_back_at > r.due_at
                   AND NOT EXISTS (SELECT FROM inv_event e WHERE e.request_id = r.request_id AND e.kind = 'overdue')";
        assert_eq!(self.number(sql).await, 0);
    }
}

fn registered(request: &Request, registered_at: &str, period_to: &str) -> OutcomeMessage {
    let json = format!(
        r#"{{"schema":"xiezhi.result.v1","request_id":"{}","registry":"{}","registration":{{"status":"formal","business_number":"B1",
            "registered_at":"{registered_at}+08:00","period_from":"2024-03-04","period_to":"{period_to}"}}}}"#,
        request.request_id, request.registry
    );
    serde_json::from_str(&json).unwrap()
}

fn lifted(request: &Request, registered_at: &str) -> OutcomeMessage {
    let json = format!(
        r#"{{"schema":"xiezhi.result.v1","request_id":"{}","registry":"{}","registration":{{"status":"lifted","business_number":"B1",
            "registered_at":"{registered_at}+08:00"}}}}"#,
        request.request_id, request.registry
    );
    serde_json::from_str(&json).unwrap()
}

fn returned(request: &Request) -> OutcomeMessage {
    let json = format!(
        r#"{{"schema":"xiezhi.return.v1","request_id":"{}","registry":"{}","reasons":["target_inaccurate"],
            "text":"坐落与登记簿记载不一致","decided_at":"2024-03-04T10:00:00+08:00"}}"#,
        request.request_id, request.registry
    );
    serde_json::from_str(&json).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_hop_has_its_target_and_a_reminder_is_made_once() {
    let db = Database::new("reminder_hops").await;
    let request = db.accepted(1, "2024-03-04T09:00:00").await;
    assert_eq!(db.round("2024-03-04T09:04:59").await, Round::default());
    let first = db.round("2024-03-04T09:05:00").await;
    assert_eq!((first.made, first.closed), (1, 0));
    assert_eq!(db.open(&request).await, ["passing_on operator warning"]);
    assert_eq!(db.round("2024-03-04T09:06:00").await, Round::default(), "a reminder is made once");

    let later = db.round("2024-03-04T09:10:00").await;
    assert_eq!((later.made, later.closed), (1, 1));
    assert_eq!(db.open(&request).await, ["passing_on operator overdue"]);
    assert_eq!(db.closed(&request).await, ["passing_on operator warning escalated"]);
    assert_eq!(db.overdue(&request).await, ["passing_on"]);

    db.passed_on(&request, "2024-03-04T09:12:00").await;
    db.round("2024-03-04T09:12:30").await;
    assert_eq!(db.open(&request).await, [""; 0]);
    // The hub was down over the warning: only what stands now is made.
    db.round("2024-03-05T10:00:00").await;
    assert_eq!(db.open(&request).await, ["delivery operator overdue"]);
    db.delivered(&request, "2024-03-05T10:00:01").await;
    db.round("2024-03-05T10:00:02").await;
    assert_eq!(db.open(&request).await, [""; 0]);
    assert_eq!(db.told(&request).await, [""; 0], "internal targets of the road are the operators'");
    db.finish().await;
}

/// R36, R41: new item, undecided, overdue; the court is told once, in its stream.
#[tokio::test(flavor = "multi_thread")]
async fn an_undecided_demand_reminds_registry_and_court() {
    let db = Database::new("reminder_desk").await;
    let request = db.accepted(1, "2024-03-04T09:00:00").await;
    db.passed_on(&request, "2024-03-04T09:00:01").await;
    db.delivered(&request, "2024-03-04T10:00:00").await;
    db.round("2024-03-04T10:29:59").await;
    assert_eq!(db.open(&request).await, [""; 0]);
    db.round("2024-03-04T10:30:00").await;
    assert_eq!(db.open(&request).await, ["new_item registry notice"]);
    // Three working days from Monday end on Thursday.
    db.round("2024-03-07T00:00:00").await;
    assert_eq!(db.open(&request).await, ["decision registry warning", "new_item registry notice"]);
    for _ in 0..2 {
        db.round("2024-03-08T00:00:00").await;
    }
    assert_eq!(
        db.open(&request).await,
        [
            "decision court overdue",
            "decision operator overdue",
            "decision registry overdue",
            "new_item registry notice"
        ]
    );
    assert_eq!(db.told(&request).await, ["decision overdue 2024-03-07T16:00:00Z"]);
    assert_eq!(db.overdue(&request).await, ["decision"]);

    assert_eq!(db.record(&timers(), &returned(&request)).await, OutcomeVerdict::Effective);
    db.round("2024-03-08T00:00:10").await;
    assert_eq!(db.open(&request).await, [""; 0], "the registry decided");
    db.finish().await;
}

/// A return waits at the court until it is corrected.
#[tokio::test(flavor = "multi_thread")]
async fn a_return_reminds_its_court_until_it_is_corrected() {
    let db = Database::new("reminder_return").await;
    let request = db.accepted(1, "2024-03-04T09:00:00").await;
    assert_eq!(db.record(&timers(), &returned(&request)).await, OutcomeVerdict::Effective);
    let sql = "UPDATE outcome SET received_at = $2 WHERE request_id = $1";
    db.execute(sql, &request, "2024-03-04T11:00:00").await;
    db.round("2024-03-10T23:59:59").await;
    assert_eq!(db.open(&request).await, [""; 0]);
    db.round("2024-03-11T00:00:00").await;
    db.round("2024-03-12T00:00:00").await;
    assert_eq!(db.open(&request).await, ["return_waiting court overdue"]);
    assert_eq!(
        db.told(&request).await,
        ["return_waiting warning 2024-03-11T16:00:00Z", "return_waiting overdue 2024-03-11T16:00:00Z"]
    );
    let corrected = db.accepted(1, "2024-03-12T09:00:00").await;
    let sql = "UPDATE request SET prior_request_id = $2 WHERE request_id = $1";
    db.admin.execute(sql, &[&corrected.request_id, &request.request_id]).await.unwrap();
    db.round("2024-03-12T09:00:01").await;
    assert_eq!(db.open(&request).await, [""; 0]);
    assert_eq!(
        db.closed(&request).await,
        ["return_waiting court warning escalated", "return_waiting court overdue ended"]
    );
    db.finish().await;
}

/// R54, V22: 登簿 2024-02-09 is due at the end of 2024-02-18; what comes later is noted as overdue.
#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_held_against_its_working_day() {
    let db = Database::new("reminder_result").await;
    let late = db.accepted(1, "2024-02-09T09:00:00").await;
    db.delivered(&late, "2024-02-09T10:00:00").await;
    let verdict = db.record(&timers(), &registered(&late, "2024-02-09T17:00:00", "2027-02-08")).await;
    assert_eq!(verdict, OutcomeVerdict::Effective);
    assert_eq!(db.due_at(&late).await, Some(at("2024-02-19T00:00:00")));
    assert_eq!(db.overdue(&late).await, ["receipt"]);

    let in_time = db.accepted(2, "2024-02-09T09:00:00").await;
    db.delivered(&in_time, "2024-02-09T10:00:00").await;
    let now = Timestamp::now() - jiff::SignedDuration::from_mins(1);
    let text = xiezhi_domain::workdays::written(now);
    let message = registered(&in_time, text.trim_end_matches("+08:00"), "2029-01-01");
    assert_eq!(db.record(&timers_for_ever(), &message).await, OutcomeVerdict::Effective);
    assert!(db.due_at(&in_time).await.is_some_and(|due| due > now));
    assert_eq!(db.overdue(&in_time).await, [""; 0]);

    // A return has no such limit.
    let back = db.accepted(3, "2024-02-09T09:00:00").await;
    db.record(&timers(), &returned(&back)).await;
    assert_eq!(db.due_at(&back).await, None);
    db.assert_v22().await;
    db.finish().await;
}

/// A result that came before its receipt waits; its working day runs all the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_early_result_reminds_until_it_is_fed_back() {
    let db = Database::new("reminder_early").await;
    let request = db.accepted(1, "2024-02-09T09:00:00").await;
    db.passed_on(&request, "2024-02-18T06:00:00").await;
    let message = registered(&request, "2024-02-09T17:00:00", "2027-02-08");
    assert_eq!(db.record(&timers(), &message).await, OutcomeVerdict::Early);
    assert_eq!(db.overdue(&request).await, [""; 0], "nothing was fed back yet");
    db.round("2024-02-18T00:00:00").await;
    assert_eq!(db.open(&request).await, ["receipt operator warning", "receipt registry warning"]);
    db.round("2024-02-19T00:00:00").await;
    assert_eq!(
        db.open(&request).await,
        [
            "delivery operator warning",
            "receipt court overdue",
            "receipt operator overdue",
            "receipt registry overdue"
        ]
    );
    assert_eq!(db.told(&request).await, ["receipt overdue 2024-02-18T16:00:00Z"]);
    assert_eq!(db.overdue(&request).await, ["receipt"]);

    let stamper = Stamper::new(db.store.clone(), Duration::from_secs(1), support::rules());
    stamper.stamp(&[request.report()]).await.unwrap();
    assert_eq!(db.state(&request).await, "registered");
    assert_eq!(db.overdue(&request).await, ["receipt", "receipt"], "and fed back late");
    db.assert_v22().await;
    db.round("2024-02-19T00:10:00").await;
    assert_eq!(db.open(&request).await, [""; 0]);
    db.finish().await;
}

/// A year that is not loaded has no due time; it gets one when the notice is loaded, and what was late is noted then.
#[tokio::test(flavor = "multi_thread")]
async fn a_due_time_waits_for_its_year() {
    let db = Database::new("reminder_year").await;
    let request = db.accepted(1, "2024-02-09T09:00:00").await;
    db.delivered(&request, "2024-02-09T10:00:00").await;
    let only_2025: Vec<_> = vendored().into_iter().filter(|row| row.date.year() == 2025).collect();
    let blind = Timers::new(Calendar::of(&only_2025), timers().targets().clone());
    let message = registered(&request, "2024-02-09T17:00:00", "2027-02-08");
    assert_eq!(db.record(&blind, &message).await, OutcomeVerdict::Effective);
    assert_eq!((db.due_at(&request).await, db.overdue(&request).await.len()), (None, 0));
    assert_eq!(fill(&db.store, &blind).await.unwrap(), 0);
    assert_eq!(fill(&db.store, &timers()).await.unwrap(), 1);
    assert_eq!(db.due_at(&request).await, Some(at("2024-02-19T00:00:00")));
    assert_eq!(db.overdue(&request).await, ["receipt"]);
    assert_eq!(fill(&db.store, &timers()).await.unwrap(), 0);
    // Undecided demands are not reminded of by guess either.
    let open = db.accepted(2, "2024-02-09T09:00:00").await;
    db.delivered(&open, "2024-02-09T10:00:00").await;
    let done = round(&db.store, &blind, at("2024-03-01T00:00:00")).await.unwrap();
    assert_eq!(done.uncounted.map(|missing| missing.year), Some(2024));
    assert_eq!(db.open(&open).await, ["new_item registry notice"]);
    db.assert_v22().await;
    db.finish().await;
}

/// R41: the court hears in time to renew; a renewal or a lifting ends the reminder, and so does the end of the period.
#[tokio::test(flavor = "multi_thread")]
async fn a_seizure_about_to_lapse_reminds_its_court() {
    let db = Database::new("reminder_lapse").await;
    let timers = timers_for_ever();
    let mut seizures = Vec::new();
    for unit in 1..=3 {
        let request = db.accepted(unit, "2024-03-04T09:00:00").await;
        db.delivered(&request, "2024-03-04T10:00:00").await;
        let message = registered(&request, "2024-03-04T11:00:00", "2027-02-28");
        assert_eq!(db.record(&timers, &message).await, OutcomeVerdict::Effective);
        seizures.push(request);
    }
    db.round("2026-12-29T23:59:59").await;
    assert_eq!(db.open(&seizures[0]).await, [""; 0]);
    db.round("2026-12-30T00:00:00").await;
    for seizure in &seizures {
        assert_eq!(db.open(seizure).await, ["seizure_lapses court notice"]);
    }

    // The first is renewed, the second lifted, by the court's own 原查封案号; the third is forgotten.
    for (unit, kind, seizure) in [(1, "renewal", 0), (2, "lifting", 1)] {
        let later = db.accepted(unit, "2027-01-04T09:00:00").await;
        let sql = "UPDATE request SET kind = $2, original_case_number = case_number, case_number = '（2027）苏0102执恢1号'
                   WHERE request_id = $1";
        db.admin.execute(sql, &[&later.request_id, &kind]).await.unwrap();
        db.delivered(&later, "2027-01-04T10:00:00").await;
        db.round("2027-01-04T10:00:01").await;
        assert_eq!(
            db.open(&seizures[seizure]).await,
            ["seizure_lapses court notice"],
            "only registered counts"
        );
        let message = match kind {
            "renewal" => registered(&later, "2027-01-05T11:00:00", "2030-02-28"),
            _ => lifted(&later, "2027-01-05T11:00:00"),
        };
        assert_eq!(db.record(&timers, &message).await, OutcomeVerdict::Effective);
        db.round("2027-01-05T12:00:00").await;
        assert_eq!(db.open(&seizures[seizure]).await, [""; 0], "{kind}");
        if kind == "renewal" {
            db.round("2029-12-30T00:00:00").await;
            assert_eq!(
                db.open(&later).await,
                ["seizure_lapses court notice"],
                "the renewal is the next to lapse"
            );
            db.round("2027-01-05T12:00:00").await;
        }
    }
    db.round("2027-02-13T00:00:00").await;
    assert_eq!(db.open(&seizures[2]).await, ["seizure_lapses court warning"]);
    assert_eq!(
        db.told(&seizures[2]).await,
        ["seizure_lapses notice 2027-02-28T16:00:00Z", "seizure_lapses warning 2027-02-28T16:00:00Z"]
    );
    db.round("2027-03-01T00:00:00").await;
    assert_eq!(db.open(&seizures[2]).await, [""; 0], "at 24:00 of the last day it lapsed");
    assert_eq!(
        db.closed(&seizures[2]).await,
        ["seizure_lapses court notice escalated", "seizure_lapses court warning ended"]
    );
    assert_eq!(db.told(&seizures[2]).await.len(), 2);
    db.finish().await;
}

/// Two hubs that go their rounds at the same time make each reminder once and tell it once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hubs_remind_once() {
    let db = Database::new("reminder_twice").await;
    let mut requests = Vec::new();
    for unit in 1..=120 {
        let request = db.accepted(unit, "2024-03-04T09:00:00").await;
        db.delivered(&request, "2024-03-04T10:00:00").await;
        requests.push(request);
    }
    let timers = timers_for_ever();
    let now = at("2024-03-08T00:00:00");
    let rounds = futures::future::join_all((0..4).map(|_| round(&db.store, &timers, now))).await;
    let made: u64 = rounds.into_iter().map(|done| done.unwrap().made).sum();
    assert_eq!(made, 120 * 4);
    assert_eq!(db.number("SELECT count(*) FROM feedback WHERE body->>'event' = 'reminder'").await, 120);
    assert_eq!(db.number("SELECT count(*) FROM inv_event WHERE kind = 'overdue'").await, 120);
    // The streams have no gap.
    let gaps = "SELECT max(seq) - count(*) FROM feedback WHERE sender = 'court-a'";
    assert_eq!(db.number(gaps).await, 0);
    db.finish().await;
}

/// The alarm of a calendar that ends: an event once, a gauge always.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_calendar_is_an_event_once() {
    let db = Database::new("reminder_calendar").await;
    let settings: CalendarSettings = Loaded::from_parts(None, []).unwrap().section("calendar").unwrap();
    let stopped = CancellationToken::new();
    stopped.cancel();
    let look = async |calendar: &Calendar| {
        let metrics = Metrics::default();
        calendar::watch(&db.store, calendar, &settings, &metrics, stopped.clone()).await.unwrap();
        metrics.render()
    };
    let ended: Vec<_> = vendored().into_iter().filter(|row| row.date.year() == 2020).collect();
    for _ in 0..2 {
        assert!(look(&Calendar::of(&ended)).await.contains("xiezhi_calendar_days_left -1"));
    }
    assert_eq!(db.number("SELECT count(*) FROM inv_event WHERE kind = 'calendar_ends'").await, 1);
    assert!(!look(&Calendar::compiled_in().extended(&made_up_years())).await.contains("days_left -1"));
    assert_eq!(db.number("SELECT count(*) FROM inv_event WHERE kind = 'calendar_ends'").await, 1);
    db.finish().await;
}
