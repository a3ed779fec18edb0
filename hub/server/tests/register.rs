//! The register of a unit on a real database: what reports and time make of it, what is told, and that its log rebuilds it.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::time::Duration;

use futures::future::join_all;
use hub::{ledger::stamp::Stamper, outcomes, register, store::units};
use jiff::Timestamp;
use serde_json::{Value, json};
use support::{Database, REGISTRY, Request};
use xiezhi_domain::register::{Register, Seizure};
use xiezhi_schemas::message::{OutcomeMessage, OutcomeVerdict, Verdict};

const BOUND: Duration = Duration::from_secs(1);
const UNIT: u32 = 1;

/// A database with one unit and a registry that takes everything.
struct Unit {
    db: Database,
    stamper: Stamper,
}

impl Unit {
    async fn new(name: &str) -> Self {
        let db = Database::new(name).await;
        let stamper = Stamper::new(db.store.clone(), BOUND, support::rules());
        Self { db, stamper }
    }

    /// A demand that was received, accepted in 2020 so that its registration may lie in the past.
    async fn delivered(&self, kind: &str, case: u32, original: Option<u32>) -> Request {
        let request = self.accepted(kind, case, original).await;
        let verdicts = self.stamper.stamp(&[request.report()]).await.unwrap();
        assert!(matches!(verdicts[0], Verdict::Recorded(_)), "{verdicts:?}");
        request
    }

    async fn accepted(&self, kind: &str, case: u32, original: Option<u32>) -> Request {
        let number = |serial| format!("（2024）苏0102执{serial}号");
        self.db.demand(REGISTRY, UNIT, kind, &number(case), original.map(number).as_deref()).await
    }

    async fn says(&self, request: &Request, registration: Value) -> OutcomeVerdict {
        let message: OutcomeMessage = serde_json::from_value(json!({
            "schema": "xiezhi.result.v1", "request_id": request.request_id, "registry": request.registry,
            "registration": registration,
        }))
        .unwrap();
        outcomes::record(&self.db.store, &support::rules(), &support::timers(), &[message])
            .await
            .unwrap()
            .remove(0)
            .verdict
    }

    async fn converts(&self, request: &Request, at: &str, from: &str, to: &str) -> OutcomeVerdict {
        let message: OutcomeMessage = serde_json::from_value(json!({
            "schema": "xiezhi.conversion.v1", "request_id": request.request_id, "registry": request.registry,
            "business_number": "B-2", "formal_since": at, "period_from": from, "period_to": to,
        }))
        .unwrap();
        outcomes::record(&self.db.store, &support::rules(), &support::timers(), &[message])
            .await
            .unwrap()
            .remove(0)
            .verdict
    }

    async fn registers(&self, request: &Request, registration: Value) {
        assert_eq!(self.says(request, registration).await, OutcomeVerdict::Effective);
    }

    async fn returns(&self, request: &Request) {
        let message: OutcomeMessage = serde_json::from_value(json!({
            "schema": "xiezhi.return.v1", "request_id": request.request_id, "registry": request.registry,
            "reasons": ["target_inaccurate"], "text": "坐落与登记簿记载不一致", "decided_at": "2024-03-05T00:00:00Z",
        }))
        .unwrap();
        let answers = outcomes::record(&self.db.store, &support::rules(), &support::timers(), &[message])
            .await
            .unwrap();
        assert_eq!(answers[0].verdict, OutcomeVerdict::Effective);
    }

    /// Kinds in the log, in order; a refusal with its code.
    async fn log(&self) -> Vec<String> {
        let rows = self
            .db
            .admin
            .query("SELECT coalesce(code, kind) FROM inv_unit_event ORDER BY n", &[])
            .await
            .unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Kinds of events that people see about the register, in order.
    async fn events(&self) -> Vec<String> {
        let sql = "SELECT kind || coalesce(' ' || (detail->>'code'), '') FROM event
                   WHERE kind NOT IN ('overtaken', 'dispute', 'overdue') ORDER BY n";
        let rows = self.db.admin.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// What a court was told about a request after its registration.
    async fn told(&self, request: &Request) -> Vec<Value> {
        let sql = "SELECT body FROM feedback WHERE request_id = $1
                   AND body->>'event' NOT IN ('delivered', 'registered') ORDER BY seq";
        let rows = self.db.admin.query(sql, &[&request.request_id]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The register as it stands: place or end of each seizure in order of registration.
    async fn stands(&self) -> Vec<String> {
        let unit: String =
            self.db.admin.query_one("SELECT unit_key FROM unit_head", &[]).await.unwrap().get(0);
        let register = units::register(&self.db.store.client().await.unwrap(), &unit).await.unwrap();
        assert_eq!(register, self.rebuilt().await, "R150: the log rebuilds what is live");
        let places: std::collections::HashMap<_, _> = register.places().into_iter().collect();
        let say = |s: &Seizure| match places.get(&s.request_id) {
            Some(place) => format!("{place} {}", s.term.to),
            None => "ended".to_owned(),
        };
        register.all().iter().map(say).collect()
    }

    /// The register as its log alone makes it; each `before` must be what the log had.
    async fn rebuilt(&self) -> Register {
        let sql = "SELECT n, before, after FROM inv_unit_event ORDER BY n";
        let mut register = Register::default();
        for (at, row) in self.db.admin.query(sql, &[]).await.unwrap().iter().enumerate() {
            assert_eq!(usize::try_from(row.get::<_, i32>(0)).unwrap(), at + 1, "the log has a gap");
            let seizures = |column| serde_json::from_value::<Vec<Seizure>>(row.get(column)).unwrap();
            for before in seizures(1) {
                assert_eq!(register.find(before.request_id), Some(&before));
            }
            register.apply(&seizures(2));
        }
        register
    }
}

fn formal(at: &str, from: &str, to: &str) -> Value {
    json!({"status": "formal", "business_number": "B", "registered_at": at, "period_from": from, "period_to": to})
}

fn waiting(n: u32, at: &str, from: &str, to: &str) -> Value {
    json!({"status": "waiting", "waiting_position": n, "business_number": "B", "registered_at": at, "period_from": from,
           "period_to": to})
}

fn lifted(at: &str) -> Value {
    json!({"status": "lifted", "business_number": "B", "registered_at": at})
}

fn china(day: &str, time: &str) -> String {
    format!("{day}T{time}+08:00")
}

/// R24, R46, R48: the second waits; when the first is lifted it becomes formal, keeps its end, and its court is told.
#[tokio::test(flavor = "multi_thread")]
async fn r48_a_conversion_is_recorded_and_told() {
    let unit = Unit::new("register_conversion").await;
    let a = unit.delivered("seizure", 1, None).await;
    let b = unit.delivered("seizure", 2, None).await;
    unit.registers(&a, formal(&china("2024-03-01", "10:00:00"), "2024-03-01", "2027-02-28")).await;
    unit.registers(&b, waiting(1, &china("2024-06-10", "10:00:00"), "2024-06-10", "2027-06-09")).await;
    assert_eq!(unit.stands().await, ["正式 2027-02-28", "轮候 1 2027-06-09"]);
    let lifting = unit.delivered("lifting", 3, Some(1)).await;
    unit.registers(&lifting, lifted(&china("2025-01-15", "10:00:00"))).await;
    assert_eq!(unit.stands().await, ["ended", "正式 2027-06-09"]);
    assert_eq!(unit.log().await, ["registered", "registered", "lifted", "converted"]);
    assert_eq!(unit.events().await, ["converted"]);
    assert_eq!(
        unit.told(&b).await,
        [json!({"event": "converted", "formal_since": "2025-01-15T02:00:00Z", "period_from": "2024-06-10",
                "period_to": "2027-06-09"})]
    );
    assert!(unit.told(&a).await.is_empty());

    // The registry tells of the conversion by another result: a dispute as ever, and its end is compared.
    let agrees = formal(&china("2025-01-16", "09:00:00"), "2024-06-10", "2027-06-09");
    assert_eq!(unit.says(&b, agrees).await, OutcomeVerdict::Disputed);
    assert_eq!(unit.events().await, ["converted"]);
    let restarted = formal(&china("2025-01-16", "09:00:00"), "2025-01-16", "2028-01-15");
    assert_eq!(unit.says(&b, restarted.clone()).await, OutcomeVerdict::Disputed);
    assert_eq!(unit.log().await[4..], ["confirmed", "HUB-3208"], "only the first is compared");
    assert_eq!(unit.stands().await, ["ended", "正式 2027-06-09"]);
    unit.db.finish().await;
}

/// R48: the registry's own report of a conversion is kept, compared with the law's, and told to the court; it changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn r48_a_reported_conversion_is_compared_and_told() {
    let unit = Unit::new("register_reported").await;
    let a = unit.delivered("seizure", 1, None).await;
    let b = unit.delivered("seizure", 2, None).await;
    unit.registers(&a, formal(&china("2024-03-01", "10:00:00"), "2024-03-01", "2027-02-28")).await;
    let lifted_at = china("2025-01-15", "10:00:00");
    let refused = |verdict: OutcomeVerdict| match verdict {
        OutcomeVerdict::Refused { code, .. } => code,
        other => panic!("{other:?}"),
    };
    // Nothing waits under either request yet.
    for request in [&a, &b] {
        assert_eq!(refused(unit.converts(request, &lifted_at, "2024-06-10", "2027-06-09").await), "HUB-3105");
    }
    unit.registers(&b, waiting(1, &china("2024-06-10", "10:00:00"), "2024-06-10", "2027-06-09")).await;
    assert_eq!(refused(unit.converts(&b, &lifted_at, "2027-06-10", "2027-06-09").await), "HUB-3105");

    // Heard of before the lifting of the same instant: a place that another has, until the lifting is known.
    let agrees = unit.converts(&b, &lifted_at, "2024-06-10", "2027-06-09").await;
    assert_eq!(agrees, OutcomeVerdict::Effective);
    assert_eq!(unit.converts(&b, &lifted_at, "2024-06-10", "2027-06-09").await, OutcomeVerdict::Repeated);
    let lifting = unit.delivered("lifting", 3, Some(1)).await;
    unit.registers(&lifting, lifted(&lifted_at)).await;
    assert_eq!(unit.stands().await, ["ended", "正式 2027-06-09"]);
    let anomalies: Value = {
        let row = unit.db.admin.query_one("SELECT anomalies FROM unit_head", &[]).await.unwrap();
        row.get(0)
    };
    assert_eq!(anomalies, json!([]), "which of the two was heard of first does not matter");
    let told = unit.told(&b).await;
    let words: Vec<_> = told.iter().map(|body| body["event"].as_str().unwrap()).collect();
    assert_eq!(words, ["conversion_reported", "converted"]);
    assert_eq!(
        told[0],
        json!({"event": "conversion_reported", "formal_since": "2025-01-15T02:00:00Z", "period_to": "2027-06-09",
               "period_kept": "2027-06-09"})
    );
    assert_eq!(unit.db.number("SELECT count(*) FROM conversion_report").await, 1);
    unit.db.finish().await;
}

/// R48: a registry that reports a conversion with a restarted period is told apart, and so is its court.
#[tokio::test(flavor = "multi_thread")]
async fn r48_a_reported_conversion_with_another_end_is_a_disagreement() {
    let unit = Unit::new("register_reported_end").await;
    let a = unit.delivered("seizure", 1, None).await;
    let b = unit.delivered("seizure", 2, None).await;
    unit.registers(&a, formal(&china("2024-03-01", "10:00:00"), "2024-03-01", "2027-02-28")).await;
    unit.registers(&b, waiting(1, &china("2024-06-10", "10:00:00"), "2024-06-10", "2027-06-09")).await;
    let lifting = unit.delivered("lifting", 3, Some(1)).await;
    let lifted_at = china("2025-01-15", "10:00:00");
    unit.registers(&lifting, lifted(&lifted_at)).await;
    assert_eq!(unit.converts(&b, &lifted_at, "2025-01-15", "2028-01-14").await, OutcomeVerdict::Effective);
    assert_eq!(unit.events().await, ["converted", "order_anomaly HUB-3223", "conversion_reported"]);
    assert_eq!(unit.stands().await, ["ended", "正式 2027-06-09"], "what the law says stays");
    let told = unit.told(&b).await;
    assert_eq!(
        (&told[1]["event"], &told[1]["period_to"], &told[1]["period_kept"]),
        (&json!("conversion_reported"), &json!("2028-01-14"), &json!("2027-06-09"))
    );
    unit.db.finish().await;
}

/// R48: a local system that restarts the period is found out; the register keeps the remaining one.
#[tokio::test(flavor = "multi_thread")]
async fn r48_a_restarted_period_is_a_disagreement() {
    let unit = Unit::new("register_restarted").await;
    let a = unit.delivered("seizure", 1, None).await;
    let b = unit.delivered("seizure", 2, None).await;
    unit.registers(&a, formal(&china("2024-03-01", "10:00:00"), "2024-03-01", "2027-02-28")).await;
    unit.registers(&b, waiting(1, &china("2024-06-10", "10:00:00"), "2024-06-10", "2027-06-09")).await;
    let lifting = unit.delivered("lifting", 3, Some(1)).await;
    unit.registers(&lifting, lifted(&china("2025-01-15", "10:00:00"))).await;
    let restarted = formal(&china("2025-01-16", "09:00:00"), "2025-01-16", "2028-01-15");
    assert_eq!(unit.says(&b, restarted).await, OutcomeVerdict::Disputed);
    assert_eq!(unit.events().await, ["converted", "order_anomaly HUB-3223"]);
    assert_eq!(unit.stands().await, ["ended", "正式 2027-06-09"]);
    unit.db.finish().await;
}

/// R143: the task writes what time brought about while it was down, as of the instants of the law, once, however many hubs do
/// it at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn r143_lapse_and_conversion_come_with_time() {
    let unit = Unit::new("register_lapse").await;
    let a = unit.delivered("seizure", 1, None).await;
    let b = unit.delivered("seizure", 2, None).await;
    unit.registers(&a, formal(&china("2024-03-01", "10:00:00"), "2024-03-01", "2027-02-28")).await;
    unit.registers(&b, waiting(1, &china("2024-06-10", "10:00:00"), "2024-06-10", "2027-06-09")).await;
    let store = &unit.db.store;
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    assert_eq!(register::pass_time(store, at("2027-02-28T15:59:59.999999Z")).await.unwrap(), 0);
    assert_eq!(unit.stands().await, ["正式 2027-02-28", "轮候 1 2027-06-09"]);
    // A week later.
    let later = at("2027-03-08T00:00:00Z");
    let runs = join_all((0..4).map(|_| register::pass_time(store, later))).await;
    assert_eq!(runs.into_iter().map(Result::unwrap).sum::<usize>(), 1, "one of them wrote it");
    assert_eq!(unit.stands().await, ["ended", "正式 2027-06-09"]);
    assert_eq!(unit.log().await[2..], ["lapsed", "converted"]);
    let instants =
        "SELECT count(*) FROM inv_unit_event WHERE n > 2 AND effective_at = '2027-03-01T00:00:00+08:00'";
    assert_eq!(unit.db.number(instants).await, 2);
    assert_eq!(
        unit.told(&a).await,
        [json!({"event": "lapsed", "lapsed_at": "2027-02-28T16:00:00Z", "last_day": "2027-02-28"})]
    );
    assert_eq!(unit.told(&b).await[0]["formal_since"], "2027-02-28T16:00:00Z");
    // And on: B lapses too, and nothing is left to lapse.
    assert_eq!(register::pass_time(store, at("2030-01-01T00:00:00Z")).await.unwrap(), 1);
    assert_eq!(register::pass_time(store, at("2040-01-01T00:00:00Z")).await.unwrap(), 0);
    assert_eq!(unit.stands().await, ["ended", "ended"]);
    unit.db.finish().await;
}

/// A renewal that was registered in time and reported after the task had written the lapse puts it right, and both courts
/// are told.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_report_puts_the_register_right() {
    let unit = Unit::new("register_late").await;
    let a = unit.delivered("seizure", 1, None).await;
    let b = unit.delivered("seizure", 2, None).await;
    // Periods that ended a while ago, so that the renewal's instant is no impossible date.
    unit.registers(&a, formal(&china("2022-03-01", "10:00:00"), "2022-03-01", "2025-02-28")).await;
    unit.registers(&b, waiting(1, &china("2024-06-10", "10:00:00"), "2024-06-10", "2030-06-09")).await;
    let renewal = unit.delivered("renewal", 3, Some(1)).await;
    register::pass_time(&unit.db.store, "2025-03-02T00:00:00Z".parse().unwrap()).await.unwrap();
    assert_eq!(unit.stands().await, ["ended", "正式 2030-06-09"]);
    unit.registers(&renewal, formal(&china("2025-02-27", "10:00:00"), "2025-03-01", "2028-02-29")).await;
    assert_eq!(unit.stands().await, ["正式 2028-02-29", "轮候 1 2030-06-09"]);
    assert_eq!(unit.log().await, ["registered", "registered", "lapsed", "converted", "renewed"]);
    assert_eq!(unit.events().await, ["lapsed", "converted", "register_corrected"]);
    let corrected =
        |what: &str| json!({"event": "register_corrected", "revoked": what, "at": "2025-02-28T16:00:00Z"});
    assert_eq!(unit.told(&a).await[1..], [corrected("lapse")]);
    assert_eq!(unit.told(&b).await[1..], [corrected("conversion")]);
    unit.db.finish().await;
}

/// R28, R148: a lifting finds its seizure by 原查封案号, waiting ones too; what names nothing is flagged and changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn r148_liftings_find_their_seizure() {
    let unit = Unit::new("register_lifting").await;
    let mut seizures = Vec::new();
    for case in 1..=3 {
        seizures.push(unit.delivered("seizure", case, None).await);
    }
    unit.registers(&seizures[0], formal(&china("2024-03-01", "10:00:00"), "2024-03-01", "2030-02-28")).await;
    unit.registers(&seizures[1], waiting(1, &china("2024-03-02", "10:00:00"), "2024-03-02", "2030-03-01"))
        .await;
    unit.registers(&seizures[2], waiting(2, &china("2024-03-03", "10:00:00"), "2024-03-03", "2030-03-02"))
        .await;
    let middle = unit.delivered("lifting", 12, Some(2)).await;
    unit.registers(&middle, lifted(&china("2024-04-01", "10:00:00"))).await;
    assert_eq!(unit.stands().await, ["正式 2030-02-28", "ended", "轮候 1 2030-03-02"]);
    for (original, code) in [(2, "HUB-3203"), (9, "HUB-3200")] {
        let lifting = unit.delivered("lifting", 20 + original, Some(original)).await;
        unit.registers(&lifting, lifted(&china("2024-05-01", "10:00:00"))).await;
        assert_eq!(unit.db.state(&lifting).await, "registered", "the registry says so");
        assert_eq!(unit.log().await.last().unwrap(), code);
        assert_eq!(unit.events().await.last().unwrap(), &format!("register_flag {code}"));
    }
    assert_eq!(unit.stands().await, ["正式 2030-02-28", "ended", "轮候 1 2030-03-02"]);
    unit.db.finish().await;
}

/// R7, R46: a registration before an earlier delivery is said and not undone; it is said no more when it no longer holds.
#[tokio::test(flavor = "multi_thread")]
async fn r46_a_disagreement_is_said_until_it_ends() {
    let unit = Unit::new("register_anomaly").await;
    let a = unit.delivered("seizure", 1, None).await;
    let b = unit.delivered("seizure", 2, None).await;
    unit.registers(&b, formal(&china("2024-03-05", "10:00:00"), "2024-03-05", "2030-03-04")).await;
    assert_eq!(unit.events().await, ["order_anomaly HUB-3220"]);
    let named = unit
        .db
        .admin
        .query_one("SELECT detail->'what'->>'earlier' FROM event WHERE kind = 'order_anomaly'", &[]);
    assert_eq!(named.await.unwrap().get::<_, String>(0), a.request_id.to_string());
    assert_eq!(unit.stands().await, ["正式 2030-03-04"]);
    unit.returns(&a).await;
    assert_eq!(unit.events().await, ["order_anomaly HUB-3220", "order_anomaly_cleared HUB-3220"]);
    // Nothing new: nothing is said.
    let c = unit.delivered("seizure", 3, None).await;
    unit.registers(&c, waiting(1, &china("2024-03-06", "10:00:00"), "2024-03-06", "2030-03-05")).await;
    assert_eq!(unit.events().await.len(), 2);
    unit.db.finish().await;
}

/// A result that came before its receipt reaches the register with the receipt.
#[tokio::test(flavor = "multi_thread")]
async fn an_early_result_is_learned_with_the_receipt() {
    let unit = Unit::new("register_early").await;
    let a = unit.accepted("seizure", 1, None).await;
    let result = formal(&china("2024-03-05", "10:00:00"), "2024-03-05", "2030-03-04");
    assert_eq!(unit.says(&a, result).await, OutcomeVerdict::Early);
    assert!(unit.log().await.is_empty());
    unit.stamper.stamp(&[a.report()]).await.unwrap();
    assert_eq!(unit.stands().await, ["正式 2030-03-04"]);
    unit.db.finish().await;
}

/// R46: results of one unit from many sides at once: the log has no gap and rebuilds the register.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r46_parallel_results_of_one_unit() {
    let unit = Unit::new("register_parallel").await;
    let mut seizures = Vec::new();
    for case in 1..=16 {
        seizures.push(unit.delivered("seizure", case, None).await);
    }
    let unit = &unit;
    join_all(seizures.iter().zip(0_u32..).map(|(request, n)| async move {
        let at = china("2024-03-05", &format!("10:00:{n:02}"));
        let result = match n {
            0 => formal(&at, "2024-03-05", "2030-03-04"),
            n => waiting(n, &at, "2024-03-05", "2030-03-04"),
        };
        unit.registers(request, result).await;
    }))
    .await;
    let stands = unit.stands().await;
    assert_eq!(stands.len(), 16);
    assert_eq!(stands.iter().filter(|one| one.starts_with("正式")).count(), 1);
    assert_eq!(stands.last().unwrap(), "轮候 15 2030-03-04");
    // In whatever order they came: what was said too early was taken back.
    assert_eq!(unit.db.number("SELECT jsonb_array_length(anomalies)::bigint FROM unit_head").await, 0);
    let open = "SELECT count(*) FILTER (WHERE kind = 'order_anomaly') - count(*) FILTER (WHERE kind = 'order_anomaly_cleared')
                FROM event";
    assert_eq!(unit.db.number(open).await, 0);
}

/// The log of the register cannot be altered, under the hub's role or by a slip of the administrator.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_cannot_be_altered() {
    let unit = Unit::new("register_guard").await;
    let a = unit.delivered("seizure", 1, None).await;
    unit.registers(&a, formal(&china("2024-03-05", "10:00:00"), "2024-03-05", "2030-03-04")).await;
    for role in ["", "SET ROLE xiezhi_app; "] {
        for harm in ["UPDATE unit_event SET kind = 'lapsed'", "DELETE FROM unit_event", "TRUNCATE unit_event"]
        {
            let refused = unit.db.admin.batch_execute(&format!("{role}{harm}")).await.unwrap_err();
            assert_eq!(refused.code().map(|code| code.code()), Some("42501"), "{role}{harm}: {refused}");
            unit.db.admin.batch_execute("RESET ROLE").await.unwrap();
        }
    }
    unit.db.finish().await;
}
