//! What a registry does, without a broker: receipts by the stamper, outcomes by the room that records them.

use std::time::Duration;

use hub::{
    ledger::stamp::{Report, Stamper},
    outcomes,
};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use xiezhi_schemas::message::{Digest, OutcomeMessage, OutcomeVerdict, Receipt, Verdict};

pub use crate::support::rules;
use crate::support::{Answer, Hub, answer, timers};

/// A unit code in Beijing that no other number gives.
pub fn unit(number: usize) -> String {
    format!("110105001001GB{:05}F{:04}{:04}", number / 9_000 + 2, number / 90 % 100 + 1, number % 90 + 1)
}

/// Submits a seizure of these units and gives the ids of the requests.
pub async fn seize(hub: &Hub, who: &str, demand_id: &str, court: &str, units: &[String]) -> Vec<Uuid> {
    let mut demand = hub.good(who, demand_id).await;
    let one = demand["units"][0].clone();
    let with_code = |code: &String| {
        let mut unit = one.clone();
        unit["unit_code"] = json!(code);
        unit
    };
    demand["units"] = units.iter().map(with_code).collect();
    demand["court"]["code"] = json!(court);
    demand["case_number"] = json!(format!("（2024）{court}执{}号", 1000 + demand_id.len()));
    let accepted = hub.submit(who, &demand).await;
    assert_eq!(accepted.status, 201, "{}", accepted.body);
    let requests = accepted.body["requests"].as_array().unwrap();
    requests.iter().map(|request| request["request_id"].as_str().unwrap().parse().unwrap()).collect()
}

/// The registry receives these requests, in this order.
pub async fn receive(hub: &Hub, requests: &[Uuid]) {
    let stamper = Stamper::new(hub.store.clone(), Duration::from_secs(1), rules());
    let client = hub.store.client().await.unwrap();
    let mut reports = Vec::new();
    for request_id in requests {
        let row = client
            .query_one("SELECT message_id, body, registry FROM request WHERE request_id = $1", &[request_id])
            .await
            .unwrap();
        let (body, registry): (Vec<u8>, String) = (row.get(1), row.get(2));
        let now = Timestamp::now();
        reports.push(Report {
            connector: "test".to_owned(),
            receipt: Receipt {
                request_id: *request_id,
                message_id: row.get(0),
                registry: registry.parse().unwrap(),
                body_sha256: Digest::of(&body),
                attempt: 1,
                push_started_at: now,
                push_answered_at: now,
                local_reference: None,
                local_received_at: None,
                mapping: None,
            },
        });
    }
    for report in reports.chunks(256) {
        let verdicts = stamper.stamp(report).await.unwrap();
        assert!(verdicts.iter().all(|v| matches!(v, Verdict::Recorded(_))), "{verdicts:?}");
    }
}

fn outcome(value: Value) -> OutcomeMessage {
    serde_json::from_value(value).unwrap()
}

pub fn registered(request: Uuid) -> OutcomeMessage {
    outcome(
        json!({"schema": "xiezhi.result.v1", "request_id": request, "registry": "110105", "registration": {
        "status": "formal", "business_number": "YW1", "registered_at": "2030-01-01T00:00:00Z",
        "period_from": "2090-01-01", "period_to": "2092-12-31"}}),
    )
}

pub fn returned(request: Uuid, reason: &str, fields: &[&str]) -> OutcomeMessage {
    outcome(
        json!({"schema": "xiezhi.return.v1", "request_id": request, "registry": "110105", "reasons": [reason],
        "text": "经核对与登记簿记载不符，说明见后", "differing_fields": fields, "decided_at": "2030-01-01T00:00:00Z"}),
    )
}

pub fn declined(request: Uuid, withdrawal: &str, text: &str) -> OutcomeMessage {
    outcome(
        json!({"schema": "xiezhi.withdrawal-declined.v1", "withdrawal_id": withdrawal, "request_id": request,
        "registry": "110105", "text": text, "decided_at": "2030-01-01T00:00:00Z"}),
    )
}

/// The registry says one thing.
pub async fn say(hub: &Hub, message: OutcomeMessage) -> OutcomeVerdict {
    outcomes::record(&hub.store, &rules(), &timers(), &[message]).await.unwrap().remove(0).verdict
}

pub async fn post(hub: &Hub, who: &str, path: &str, body: &Value) -> Answer {
    let request = hub.request(who, Method::POST, path).header("content-type", "application/json");
    answer(request.body(body.to_string())).await
}

pub fn code(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.body["code"].as_str().unwrap_or_default())
}

/// What a court was told, by the words of the events, about one request.
pub async fn told(hub: &Hub, who: &str, request: Uuid) -> Vec<String> {
    let events = hub.get(who, "/v1/feedback?after=0&limit=1000").await;
    let id = request.to_string();
    let of_it = events.body["items"].as_array().unwrap().iter().filter(|e| e["request_id"] == id.as_str());
    of_it.map(|e| e["body"]["event"].as_str().unwrap().to_owned()).collect()
}

/// State of a request.
pub async fn state(hub: &Hub, who: &str, request: Uuid) -> String {
    let shown = hub.get(who, &format!("/v1/demands/{request}")).await;
    shown.body["requests"][0]["state"].as_str().unwrap().to_owned()
}

/// How many audit entries have this action.
pub async fn audited(hub: &Hub, action: &str) -> i64 {
    hub.count(&format!("SELECT count(*) FROM inv_audit WHERE action = '{action}'")).await
}
