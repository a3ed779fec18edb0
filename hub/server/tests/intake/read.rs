//! Reading demands back: one's own, page by page, with their timeline; and never changing them.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{BEIJING, Hub, answer};

#[tokio::test]
async fn courts_see_their_own_and_nothing_of_others() {
    let hub = Hub::start("own").await;
    let body = hub.good("court-a", "d-1").await;
    let accepted = hub.submit("court-a", &body).await;
    let id = accepted.body["requests"][0]["request_id"].as_str().unwrap().to_owned();
    let by_id = format!("/v1/demands/{id}");
    for (who, path, status) in [
        ("court-a", by_id.as_str(), 200),
        ("court-a", "/v1/demands/d-1", 200),
        ("operator", &by_id, 200),
        ("operator", "/v1/demands/d-1", 200),
        ("operator", "/v1/demands/d-1?sender=court-b", 404),
        ("court-b", &by_id, 404),
        ("court-b", "/v1/demands/d-1", 404),
        ("court-a", "/v1/demands/d-9", 404),
        ("court-a", "/v1/demands/d-1?sender=court-a", 400),
        ("connector-11", &by_id, 403),
    ] {
        assert_eq!(hub.get(who, path).await.status, status, "{who} {path}");
    }
    let (theirs, none) =
        (hub.get("court-b", &by_id).await.body, hub.get("court-b", "/v1/demands/x").await.body);
    assert_eq!((&theirs["code"], &theirs["detail"]), (&none["code"], &none["detail"]), "both look alike");
    assert_eq!(hub.get("court-b", "/v1/demands").await.body, json!({"items": []}));
    // The same number of two courts is ambiguous for an operator only.
    hub.good("court-b", "d-1").await;
    assert_eq!(hub.submit("court-b", &body).await.status, 201);
    assert_eq!(hub.get("operator", "/v1/demands/d-1").await.status, 400);
    assert_eq!(hub.get("operator", "/v1/demands/d-1?sender=court-b").await.status, 200);
    assert_eq!(hub.get("court-a", "/v1/demands/d-1").await.body["requests"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_timeline_tells_the_road() {
    let hub = Hub::start("timeline").await;
    let body = hub.good("court-a", "d-1").await;
    hub.submit("court-a", &body).await;
    hub.sql(
        "UPDATE outbox SET confirmed_at = clock_timestamp();
         INSERT INTO ledger_head (registry, hash) VALUES ('110105', decode(repeat('00', 32), 'hex'));
         INSERT INTO receipt SELECT registry, 1, request_id, message_id, body_sha256, 'net', t, t, 10, 1, 'c', t, t, 'L-1', NULL,
             decode(repeat('00', 32), 'hex'), decode(repeat('ab', 32), 'hex')
             FROM request, LATERAL (SELECT clock_timestamp() AS t) AS now;
         UPDATE request SET state = 'delivered', state_n = 2;
         INSERT INTO request_state SELECT request_id, 2, 'delivered', clock_timestamp(), 'ledger', 'receipt' FROM request;",
    )
    .await;
    let shown = hub.get("court-a", "/v1/demands/d-1").await.body;
    let request = &shown["requests"][0];
    assert_eq!(
        (&request["state"], &request["attempt"], &request["unit_code"]),
        (&json!("delivered"), &json!(1), &json!(BEIJING))
    );
    assert_eq!(
        (&request["receipt"]["no"], &request["receipt"]["hash"]),
        (&json!(1), &json!("ab".repeat(32)))
    );
    let road: Vec<(&str, &str)> = request["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["event"].as_str().unwrap(), e["tier"].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(
        road,
        [
            ("accepted", "court"),
            ("state", "-"),
            ("passed_on", "court"),
            ("passed_on", "ministry"),
            ("passed_on", "province.11"),
            ("delivered", "registry.110105"),
            ("state", "-"),
        ]
    );
}

#[tokio::test]
async fn a_dispatched_demand_cannot_be_changed() {
    let hub = Hub::start("change").await;
    let body = hub.good("court-a", "d-1").await;
    let before = hub.submit("court-a", &body).await.body;
    for method in [Method::PUT, Method::PATCH, Method::DELETE, Method::POST] {
        for path in ["/v1/demands/d-1", "/v1/demands/d-1/units/1", "/v1/demands/d-1/cancel"] {
            let refused = answer(hub.request("court-a", method.clone(), path).body("{}")).await;
            assert_eq!(
                (refused.status, refused.body["code"].as_str()),
                (409, Some("HUB-1405")),
                "{method} {path}"
            );
            let foreign = answer(hub.request("court-b", method.clone(), path).body("{}")).await;
            assert_eq!(foreign.status, 404, "{method} {path}");
        }
        let there = hub.request("court-a", method.clone(), "/v1/feedback");
        assert_eq!(answer(there).await.status, 405);
    }
    assert_eq!(hub.get("court-a", "/v1/demands/d-1/units").await.status, 404);
    let again = hub.submit("court-a", &body).await;
    assert_eq!((again.status, again.body), (200, before));
}

#[tokio::test]
async fn lists_come_in_pages_without_loss_or_repeat() {
    let hub = Hub::start("pages").await;
    let body = hub.good("court-a", "d").await;
    let mut expected = Vec::new();
    for n in 0..25 {
        let mut body = body.clone();
        body["demand_id"] = json!(format!("d-{n}"));
        if n % 5 == 0 {
            body["case_number"] = json!("（2024）京0105执99号");
        }
        let accepted = hub.submit("court-a", &body).await;
        assert_eq!(accepted.status, 201);
        expected.push(accepted.body["requests"][0]["request_id"].clone());
    }
    let mut read: Vec<Value> = Vec::new();
    let mut path = "/v1/demands?limit=7".to_owned();
    let mut pages = 0;
    loop {
        let page = hub.get("court-a", &path).await.body;
        read.extend(page["items"].as_array().unwrap().iter().map(|r| r["request_id"].clone()));
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/demands?limit=7&cursor={next}");
    }
    assert_eq!((pages, read), (4, expected));
    for (query, count) in [
        ("case_number=（2024）京0105执99号", 5),
        (&format!("unit={BEIJING}"), 25),
        ("state=delivered", 0),
        ("province=11&registry=110105", 25),
        ("province=32", 0),
        ("accepted_from=2024-01-01T00:00:00Z", 25),
        ("accepted_to=2024-01-01T00:00:00Z", 0),
    ] {
        let page = hub.get("court-a", &format!("/v1/demands?limit=100&{query}")).await;
        assert_eq!(page.body["items"].as_array().map(Vec::len), Some(count), "{query}: {}", page.body);
        assert!(page.body.get("next").is_none());
    }
    for query in [
        "stat=delivered",
        "state=lost",
        "limit=0",
        "limit=501",
        "cursor=x",
        "sender=court-a",
        "accepted_to=x",
    ] {
        let refused = hub.get("court-a", &format!("/v1/demands?{query}")).await;
        assert_eq!((refused.status, refused.body["code"].as_str()), (400, Some("HUB-1403")), "{query}");
    }
    assert_eq!(
        hub.get("operator", "/v1/demands?sender=court-a&limit=500").await.body["items"]
            .as_array()
            .unwrap()
            .len(),
        25
    );
}
