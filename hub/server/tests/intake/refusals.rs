//! V29: refused access has exactly one entry in the audit, alone or in a number.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;

use super::support::{Hub, answer};

/// Every entry about refused access: actor, role, action, object.
async fn entries(hub: &Hub) -> Vec<[String; 4]> {
    let client = hub.store.client().await.unwrap();
    let sql = "SELECT actor, role, action, object FROM audit WHERE action LIKE 'access.%' ORDER BY n";
    let rows = client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| std::array::from_fn(|at| row.get(at))).collect()
}

/// Refusals that the entries stand for.
fn stood_for(entries: &[[String; 4]]) -> u64 {
    let one = |[.., action, object]: &[String; 4]| match action.as_str() {
        "access.refused" => 1,
        _ => object.rsplit(' ').next().unwrap().parse().unwrap(),
    };
    entries.iter().map(one).sum()
}

async fn after_a_minute(hub: &Hub) {
    hub.app.refusals.flush(&hub.store, Instant::now() + Duration::from_secs(61)).await.unwrap();
}

#[tokio::test]
async fn every_refusal_is_in_the_audit_once() {
    let hub = Hub::start("refusals").await;
    let body = hub.good("court-a", "d-1").await;
    let accepted = hub.submit("court-a", &body).await;
    let id = accepted.body["requests"][0]["request_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/demands/{id}");
    assert_eq!(entries(&hub).await, [[""; 4]; 0]);

    assert_eq!(hub.get("court-a", &path).await.status, 200);
    assert_eq!(hub.get("court-b", &path).await.status, 404);
    assert_eq!(hub.get("connector-32", &path).await.status, 403);
    assert_eq!(hub.get("court-a", "/v1/undelivered").await.status, 403);
    assert_eq!(hub.get("nobody", &format!("{path}?who=me")).await.status, 401);
    // Not access refused: an own webhook that was never set, a bad query, an address that does not exist.
    assert_eq!(hub.get("court-a", "/v1/webhook").await.status, 404);
    assert_eq!(hub.get("court-a", "/v1/feedback?after=x").await.status, 400);
    assert_eq!(hub.get("court-a", "/v2/nothing").await.status, 404);
    // A token that no longer works still says whose it was.
    hub.sql("UPDATE principal SET disabled_at = now() WHERE name = 'connector-11'").await;
    let sha = "0".repeat(64);
    assert_eq!(hub.get("connector-11", &format!("/v1/documents/{sha}")).await.status, 401);

    let found = entries(&hub).await;
    let expected = [
        ["court-b", "court", "access.refused", &format!("HUB-1404 GET /v1/demands/{{id}} {path}")],
        ["connector-32", "connector", "access.refused", &format!("HUB-1002 GET /v1/demands/{{id}} {path}")],
        ["court-a", "court", "access.refused", "HUB-1002 GET /v1/undelivered /v1/undelivered"],
        ["unknown", "none", "access.refused", &format!("HUB-1001 GET /v1/demands/{{id}} {path}")],
        [
            "connector-11",
            "connector",
            "access.refused",
            &format!("HUB-1001 GET /v1/documents/{{sha256}} /v1/documents/{sha}"),
        ],
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_flood_of_refusals_is_a_few_entries_and_a_number() {
    let hub = Hub::start("refusal_flood").await;
    let tries = (0..300).map(async |n| {
        let (who, path) = match n % 3 {
            0 => ("court-b", format!("/v1/demands/guess-{n}")),
            1 => ("court-b", "/v1/undelivered".to_owned()),
            _ => ("guesser", format!("/v1/demands/guess-{n}")),
        };
        let answer = hub.get(who, &path).await;
        assert!(matches!(answer.status, 401 | 403 | 404), "{}", answer.status);
    });
    futures::future::join_all(tries).await;
    assert_eq!(entries(&hub).await.len(), 3, "one entry for each actor, route and code");
    after_a_minute(&hub).await;
    let found = entries(&hub).await;
    assert_eq!(found.len(), 6);
    assert_eq!(stood_for(&found), 300);
    assert!(found.iter().any(|[actor, _, action, object]| actor == "court-b"
        && action == "access.refused.more"
        && object == "HUB-1404 GET /v1/demands/{id} 99"));
    after_a_minute(&hub).await;
    assert_eq!(entries(&hub).await.len(), 6, "nothing is counted twice");

    let mut client = hub.store.client().await.unwrap();
    let report = hub::audit::verify(&mut client).await.unwrap();
    assert_eq!(report.problems, [""; 0]);
}

/// The refusal stands although the audit cannot be written, and is in the audit as soon as it can.
#[tokio::test]
async fn what_could_not_be_written_is_written_later() {
    let hub = Hub::start("refusal_later").await;
    hub.sql("RESET ROLE; ALTER TABLE audit RENAME TO audit_away; SET ROLE xiezhi_app").await;
    let refused = answer(hub.request("court-b", Method::GET, "/v1/undelivered")).await;
    assert_eq!((refused.status, &refused.body["code"]), (403, &Value::from("HUB-1002")));
    assert!(hub.app.refusals.flush(&hub.store, Instant::now() + Duration::from_secs(61)).await.is_err());
    hub.sql("RESET ROLE; ALTER TABLE audit_away RENAME TO audit; SET ROLE xiezhi_app").await;
    after_a_minute(&hub).await;
    assert_eq!(stood_for(&entries(&hub).await), 1);
}
