//! Papers handed in at the window (线下窗口): what is stamped at once, what waits for a second person, what is refused (A17, R34).

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{Answer, BEIJING, Hub, PDF, demand, sha256};

/// An instant so many seconds ago.
pub fn ago(seconds: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_secs(seconds)
}

/// The instant as the ledger keeps it.
pub fn kept(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap()
}

/// An entry for papers handed over at that instant.
pub fn entry(number: &str, handed_over_at: Timestamp) -> Value {
    json!({"handed_over_at": handed_over_at, "channel_reason": "the court came in person", "demand": demand(number)})
}

/// The same with what a late entry brings.
pub fn late(number: &str, handed_over_at: Timestamp) -> Value {
    let mut entry = entry(number, handed_over_at);
    entry["late"] = json!({"reason": "the desk had no connection", "evidence": sha256(PDF)});
    entry
}

impl Hub {
    pub async fn enter(&self, who: &str, entry: &Value) -> Answer {
        self.post(who, "/v1/window/entries", entry).await
    }

    pub async fn decide(&self, who: &str, entry_id: &Value, word: &str) -> Answer {
        let path = format!("/v1/window/entries/{}/decision", entry_id.as_str().unwrap());
        self.post(who, &path, &json!({"decision": word, "reason": "compared with the signed slip"})).await
    }

    /// Rows that a receipt leaves.
    async fn traces(&self) -> [i64; 4] {
        let mut rows = [0; 4];
        for (at, table) in ["demand", "request", "receipt", "window_decision"].into_iter().enumerate() {
            rows[at] = self.count(&format!("SELECT count(*) FROM {table}")).await;
        }
        rows
    }
}

fn code(answer: &Answer) -> &str {
    answer.body["code"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn papers_entered_as_they_come_are_received_at_the_hand_over() {
    let hub = Hub::start("window_timely").await;
    assert_eq!(hub.upload("clerk-a", PDF).await.status, 201);
    let at = ago(20);
    let body = entry("w-1", at);
    let entered = hub.enter("clerk-a", &body).await;
    assert_eq!(entered.status, 201, "{}", entered.body);
    assert_eq!(entered.body["status"], "recorded");
    assert_eq!(entered.body["late"], false);
    let request = &entered.body["requests"][0];
    assert_eq!((&request["no"], &request["state"]), (&json!(1), &json!("delivered")));
    assert_eq!(request["delivered_at"], json!(kept(at)));

    // The same again is the same; another under its number is refused; nothing is written twice.
    let again = hub.enter("clerk-a", &body).await;
    assert_eq!((again.status, &again.body["requests"]), (200, &entered.body["requests"]));
    let mut other = body.clone();
    other["handed_over_at"] = json!(ago(10));
    let other = hub.enter("clerk-a", &other).await;
    assert_eq!((other.status, code(&other)), (422, "HUB-1401"));
    assert_eq!(hub.traces().await, [1, 1, 1, 1]);
    assert_eq!(hub.count("SELECT count(*) FROM outbox").await, 0, "nothing is sent");
    assert_eq!(hub.count("SELECT count(*) FROM feedback").await, 0, "the court is answered on paper");
    assert_eq!(hub.count("SELECT count(*) FROM audit WHERE action = 'window.record'").await, 1);

    // The operator sees it with its channel and evidence; the registry reports what it decided.
    let id = request["request_id"].as_str().unwrap();
    let shown = hub.get("operator", &format!("/v1/demands/{id}")).await;
    let receipt = &shown.body["requests"][0]["receipt"];
    assert_eq!(receipt["channel"], "window");
    assert_eq!(receipt["evidence_id"], entered.body["entry_id"]);
    let result = json!({"schema": "xiezhi.result.v1", "request_id": id, "registry": "110105", "registration": {
        "status": "formal", "business_number": "B-1", "registered_at": Timestamp::now(),
        "period_from": "2090-01-01", "period_to": "2092-12-31"}});
    let foreign = hub.post("clerk-32", "/v1/window/outcomes", &result).await;
    assert_eq!(foreign.status, 404, "{}", foreign.body);
    let reported = hub.post("clerk-b", "/v1/window/outcomes", &result).await;
    assert_eq!(
        (reported.status, &reported.body["verdict"]["is"]),
        (200, &json!("effective")),
        "{}",
        reported.body
    );
    let shown = hub
        .get("clerk-a", &format!("/v1/window/entries/{}", entered.body["entry_id"].as_str().unwrap()))
        .await;
    assert_eq!(shown.body["requests"][0]["state"], "registered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_entry_needs_reason_proof_and_another_person() {
    let hub = Hub::start("window_late").await;
    hub.upload("clerk-a", PDF).await;
    // No reason and no proof; a proof that nobody uploaded.
    let bare = hub.enter("clerk-a", &entry("w-1", ago(2400))).await;
    assert_eq!((bare.status, code(&bare)), (422, "HUB-3254"));
    let mut unproven = late("w-1", ago(2400));
    unproven["late"]["evidence"] = json!(sha256(b"nobody has this"));
    assert!(hub.enter("clerk-a", &unproven).await.has("HUB-3254", "/late/evidence"));
    assert_eq!(hub.traces().await, [0; 4]);

    let entered = hub.enter("clerk-a", &late("w-1", ago(2400))).await;
    assert_eq!((entered.status, &entered.body["status"]), (201, &json!("pending")), "{}", entered.body);
    assert_eq!(entered.body["second_because"], "late");
    assert_eq!(hub.traces().await, [0; 4], "one person alone has received nothing");
    let id = &entered.body["entry_id"];

    // Not the same person, not another registry's, not a court; then another clerk, once.
    let same = hub.decide("clerk-a", id, "confirm").await;
    assert_eq!((same.status, code(&same)), (403, "HUB-3256"));
    assert_eq!(hub.decide("clerk-32", id, "confirm").await.status, 404);
    assert_eq!(hub.decide("court-a", id, "confirm").await.status, 403);
    assert_eq!(hub.traces().await, [0; 4]);
    let confirmed = hub.decide("clerk-b", id, "confirm").await;
    assert_eq!(
        (confirmed.status, &confirmed.body["status"]),
        (200, &json!("recorded")),
        "{}",
        confirmed.body
    );
    let request = &confirmed.body["requests"][0];
    assert_eq!(request["delivered_at"], entered.body["handed_over_at"]);
    assert!(request["recorded_at"].as_str() > request["delivered_at"].as_str());
    let again = hub.decide("operator", id, "refuse").await;
    assert_eq!((again.status, code(&again)), (409, "HUB-3257"));
    assert_eq!(hub.traces().await, [1, 1, 1, 1]);

    // Refused for good: no receipt ever.
    let entered = hub.enter("clerk-a", &late("w-2", ago(2400))).await;
    let id = &entered.body["entry_id"];
    assert_eq!(hub.decide("operator", id, "refuse").await.body["status"], "refused");
    assert_eq!(code(&hub.decide("clerk-b", id, "confirm").await), "HUB-3257");
    assert_eq!(hub.count("SELECT count(*) FROM receipt").await, 1);
    for (action, count) in [("window.enter", 2), ("window.confirm", 1), ("window.refuse", 1)] {
        let found = format!("SELECT count(*) FROM audit WHERE action = '{action}'");
        assert_eq!(hub.count(&found).await, count, "{action}");
    }
    // The list is the clerk's registry's, and filters.
    let pending = hub.get("clerk-b", "/v1/window/entries?status=pending").await;
    assert_eq!(pending.body["items"], json!([]));
    let page = hub.get("clerk-b", "/v1/window/entries?limit=1").await;
    assert_eq!(page.body["items"].as_array().unwrap().len(), 1);
    let rest = hub.get("clerk-b", &format!("/v1/window/entries?cursor={}", page.body["next"])).await;
    assert_eq!(rest.body["items"][0]["status"], "refused");
    assert_eq!(hub.get("clerk-32", "/v1/window/entries").await.body["items"], json!([]));
    assert_eq!(hub.get("court-a", "/v1/window/entries").await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_receipt_is_refused_and_leaves_nothing() {
    let hub = Hub::start("window_refused").await;
    hub.upload("clerk-a", PDF).await;
    hub.upload("clerk-32", PDF).await;
    let rules = hub.get("court-a", "/v1/window/rules").await.body;
    assert_eq!((&rules["window_grace_secs"], &rules["window_bound_secs"]), (&json!(300), &json!(86400)));
    let future = hub.enter("clerk-a", &late("w-1", ago(-30))).await;
    assert_eq!((future.status, code(&future)), (422, "HUB-3251"));
    let old = hub.enter("clerk-a", &late("w-1", ago(86_401))).await;
    assert_eq!((old.status, code(&old)), (422, "HUB-3252"));
    let elsewhere = hub.enter("clerk-32", &entry("w-1", ago(5))).await;
    assert!(elsewhere.has("HUB-3253", "/demand/units/0/unit_code"), "{}", elsewhere.body);
    assert_eq!(hub.enter("court-a", &entry("w-1", ago(5))).await.status, 403);
    // One checklist for both channels (R8): the same codes at the same places.
    let mut incomplete = entry("w-1", ago(5));
    incomplete["demand"]["attachments"] = json!([]);
    incomplete["demand"]["contact"] = Value::Null;
    let online = hub.submit("court-a", &incomplete["demand"]).await.problems();
    let offline: Vec<_> =
        online.iter().map(|(code, path)| (code.clone(), format!("/demand{path}"))).collect();
    assert!(online.len() > 1);
    assert_eq!(hub.enter("clerk-a", &incomplete).await.problems(), offline);
    let mut silent = entry("w-1", ago(5));
    silent.as_object_mut().unwrap().remove("channel_reason");
    assert_eq!(code(&hub.enter("clerk-a", &silent).await), "HUB-3250");
    assert_eq!(hub.traces().await, [0; 4]);
    assert_eq!(hub.count("SELECT count(*) FROM window_entry").await, 0);
    // A demand of the network is not reported at the window.
    let good = hub.good("court-a", "net-1").await;
    let id = hub.submit("court-a", &good).await.body["requests"][0]["request_id"].clone();
    let returned = json!({"schema": "xiezhi.return.v1", "request_id": id, "registry": "110105",
        "reasons": ["target_inaccurate"], "text": "坐落与登记簿不符", "decided_at": Timestamp::now()});
    assert_eq!(code(&hub.post("clerk-a", "/v1/window/outcomes", &returned).await), "HUB-3260");
}

/// Entered twice at once by the same clerk, and confirmed twice at once: one receipt.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn at_once_is_once() {
    let hub = Hub::start("window_race").await;
    hub.upload("clerk-a", PDF).await;
    let body = entry("w-1", ago(5));
    let answers = futures::future::join_all((0..8).map(|_| hub.enter("clerk-a", &body))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(answers.iter().all(|answer| answer.body["requests"] == answers[0].body["requests"]));
    let entered = hub.enter("clerk-a", &late("w-2", ago(900))).await;
    let id = &entered.body["entry_id"];
    let who = ["clerk-b", "operator"];
    let answers = futures::future::join_all((0..6).map(|n| hub.decide(who[n % 2], id, "confirm"))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| [200, 409].contains(&answer.status)));
    assert_eq!(hub.traces().await, [2, 2, 2, 2]);
    let lane = format!("110105/{BEIJING}");
    assert_eq!(hub.count(&format!("SELECT last_seq FROM lane WHERE lane = '{lane}'")).await, 2);
    assert!(entered.body["entry_id"].as_str().unwrap().parse::<Uuid>().is_ok());
}
