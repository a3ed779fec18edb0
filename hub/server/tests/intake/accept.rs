//! Acceptance: once, whole, in order.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};
use xiezhi_schemas::{
    message::{DemandMessage, Digest},
    signature::body_sha256,
};

use super::support::{BEIJING, Hub, PDF, answer, demand, sha256};

#[tokio::test]
async fn a_demand_is_accepted_with_all_its_rows() {
    let hub = Hub::start("accept").await;
    let body = hub.good("court-a", "d-1").await;
    let accepted = hub.submit("court-a", &body).await;
    assert_eq!(accepted.status, 201, "{}", accepted.body);
    assert_eq!(accepted.body["demand_id"], "d-1");
    let request = &accepted.body["requests"][0];
    assert_eq!(request["registry"], "110105");
    assert_eq!(request["state"], "in_flight");
    assert_eq!(request["unit_code"], BEIJING);
    assert_eq!(hub.rows().await, [1, 1, 1, 1, 1]);
    let client = hub.store.client().await.unwrap();
    let row = client
        .query_one(
            "SELECT r.body, encode(r.body_sha256, 'hex'), r.routing_key, r.lane_seq, o.kind, o.attempt, s.cause,
                    r.accepted_at = o.created_at AND r.accepted_at = s.at, r.request_id
             FROM request r JOIN outbox o USING (request_id) JOIN request_state s USING (request_id)",
            &[],
        )
        .await
        .unwrap();
    let bytes: Vec<u8> = row.get(0);
    assert_eq!(body_sha256(&bytes), row.get::<_, String>(1));
    assert_eq!(request["body_sha256"], body_sha256(&bytes));
    assert_eq!(row.get::<_, String>(2), "seizure.11.1101.110105.registry");
    assert_eq!((row.get::<_, i64>(3), row.get::<_, i32>(5)), (1, 1));
    assert_eq!((row.get::<_, &str>(4), row.get::<_, &str>(6)), ("first", "accepted"));
    assert!(row.get::<_, bool>(7));
    let sent = serde_json::from_slice::<DemandMessage>(&bytes).unwrap().into_demand();
    assert_eq!(sent.request_id, row.get::<_, uuid::Uuid>(8));
    assert_eq!((sent.sender.as_str(), sent.unit_index, sent.unit_count), ("court-a", 1, 1));
    assert_eq!(sent.attachments[0].sha256, Digest::of(PDF));
}

#[tokio::test]
async fn fifty_at_once_are_one_demand_with_one_answer() {
    let hub = Hub::start("fifty").await;
    let body = hub.good("court-a", "d-1").await;
    let sends = (0..50).map(|_| hub.submit("court-a", &body));
    let answers = futures::future::join_all(sends).await;
    assert_eq!(answers.iter().filter(|a| a.status == 201).count(), 1);
    assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 49);
    let bodies: HashSet<String> = answers.iter().map(|a| a.body.to_string()).collect();
    assert_eq!(bodies.len(), 1);
    assert_eq!(hub.rows().await, [1, 1, 1, 1, 1]);
    assert_eq!(hub.count("SELECT last_seq FROM lane").await, 1, "a repeat takes no place in the lane");
}

#[tokio::test]
async fn the_same_meaning_is_the_same_demand_and_any_other_is_refused() {
    let hub = Hub::start("meaning").await;
    let body = hub.good("court-a", "d-1").await;
    let first = hub.submit("court-a", &body).await;
    assert_eq!(first.status, 201);
    let mut turned: Vec<String> =
        body.as_object().unwrap().iter().map(|(key, value)| format!("{}: {value}", json!(key))).collect();
    turned.reverse();
    let again = hub.submit_text("court-a", format!("{{\n {} }}", turned.join(",\n "))).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    let mut other = body.clone();
    other["debtor"]["name"] = json!("张三 虚构");
    let refused = hub.submit("court-a", &other).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.body["code"], "HUB-1401");
    // The key belongs to the sender: another court's demand of the same number is another demand.
    hub.good("court-b", "d-1").await;
    assert_eq!(hub.submit("court-b", &body).await.status, 201);
    assert_eq!(hub.rows().await, [2, 2, 2, 2, 1]);
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_even_when_the_rules_changed() {
    let hub = Hub::start("later").await;
    let body = hub.good("court-a", "d-1").await;
    let first = hub.submit("court-a", &body).await;
    hub.sql("UPDATE province SET valid_to = '2024-12-31' WHERE code = '11'").await;
    let again = hub.submit("court-a", &body).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    let mut new = body.clone();
    new["demand_id"] = json!("d-2");
    assert!(hub.submit("court-a", &new).await.has("HUB-1301", "/units/0/unit_code"));
}

#[tokio::test]
async fn several_units_become_several_requests_with_lanes_of_their_own() {
    let hub = Hub::start("units").await;
    let mut body = hub.good("court-a", "d-1").await;
    let unit = body["units"][0].clone();
    let codes = [BEIJING, "110105001001GB00001F00010002", "110105001001GB00001F00010003"];
    body["units"] = codes
        .iter()
        .map(|code| {
            let mut unit = unit.clone();
            unit["unit_code"] = json!(code);
            unit
        })
        .collect();
    let accepted = hub.submit("court-a", &body).await;
    assert_eq!(accepted.status, 201, "{}", accepted.body);
    let listed: Vec<_> =
        accepted.body["requests"].as_array().unwrap().iter().map(|r| &r["unit_code"]).collect();
    assert_eq!(listed, codes);
    assert_eq!(hub.rows().await, [1, 3, 3, 3, 3]);
    // Demands of the same units at the same time, in opposite order: neither waits for the other for ever.
    let sends = (0..20).map(|n| {
        let mut body = body.clone();
        body["demand_id"] = json!(format!("p-{n}"));
        if n % 2 == 0 {
            body["units"].as_array_mut().unwrap().reverse();
        }
        let hub = &hub;
        async move { hub.submit("court-a", &body).await.status }
    });
    assert!(futures::future::join_all(sends).await.iter().all(|status| *status == 201));
    let gaps = "SELECT count(*) FROM (SELECT lane FROM request GROUP BY lane
                HAVING min(lane_seq) <> 1 OR max(lane_seq) <> count(*)) AS broken";
    assert_eq!(hub.count(gaps).await, 0);
    let order = "SELECT count(*) FROM request a JOIN request b ON a.lane = b.lane AND a.lane_seq < b.lane_seq
                 WHERE a.accepted_at > b.accepted_at";
    assert_eq!(hub.count(order).await, 0);
}

/// R149: the largest demand becomes three hundred requests at once; one unit more, and nothing is written.
#[tokio::test]
async fn three_hundred_units_are_taken_and_one_more_is_not() {
    let hub = Hub::start("units_many").await;
    let mut body = hub.good("court-a", "d-1").await;
    let unit = body["units"][0].clone();
    let units = |count: usize| -> Value {
        let named = |n: usize| {
            let mut unit = unit.clone();
            unit["unit_code"] = json!(format!("110105001001GB00001F0001{n:04}"));
            unit
        };
        (1..=count).map(named).collect()
    };
    body["units"] = units(301);
    let refused = hub.submit("court-a", &body).await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert!(refused.has("HUB-1106", "/units"), "{}", refused.body);
    assert_eq!(hub.rows().await, [0; 5]);

    body["units"] = units(300);
    let accepted = hub.submit("court-a", &body).await;
    assert_eq!(accepted.status, 201, "{}", accepted.body);
    assert_eq!(accepted.body["requests"].as_array().unwrap().len(), 300);
    assert_eq!(hub.rows().await, [1, 300, 300, 300, 300]);
    assert_eq!(
        hub.submit("court-a", &body).await.body["requests"],
        accepted.body["requests"],
        "the same again"
    );
}

#[tokio::test]
async fn a_demand_and_its_documents_come_in_one_request() {
    let hub = Hub::start("multipart").await;
    let body = demand("d-1");
    let form = |pdf: &'static [u8], body: &Value| {
        let file =
            reqwest::multipart::Part::bytes(pdf).file_name("r.pdf").mime_str("application/pdf").unwrap();
        reqwest::multipart::Form::new().part("document", file).text("demand", body.to_string())
    };
    let post = |form| answer(hub.request("court-a", Method::POST, "/v1/demands").multipart(form));
    let wrong = post(form(b"%PDF-1.7 other bytes", &body)).await;
    assert_eq!(wrong.status, 422, "{}", wrong.body);
    assert!(wrong.has("HUB-1307", "/document/0") && wrong.has("HUB-1303", "/attachments/0/sha256"));
    assert_eq!(hub.count("SELECT count(*) FROM document").await, 0);
    let html = post(form(b"<html>, not a PDF at all", &body)).await;
    assert_eq!((html.status, html.body["code"].as_str()), (422, Some("HUB-1308")));
    assert_eq!(std::fs::read_dir(hub.dir.join("documents/incoming")).map_or(0, Iterator::count), 0);
    let accepted = post(form(PDF, &body)).await;
    assert_eq!(accepted.status, 201, "{}", accepted.body);
    let again = post(form(PDF, &body)).await;
    assert_eq!((again.status, again.body), (200, accepted.body));
    let path = format!("/v1/documents/{}", sha256(PDF));
    assert_eq!(hub.get("court-a", &path).await.status, 200);
}

#[tokio::test]
async fn a_full_outbox_refuses_new_demands() {
    let hub = Hub::with("full", "max_unconfirmed = 1").await;
    let body = hub.good("court-a", "d-1").await;
    for (number, status) in [(1, 201), (2, 201)] {
        let mut body = body.clone();
        body["demand_id"] = json!(format!("d-{number}"));
        assert_eq!(hub.submit("court-a", &body).await.status, status);
    }
    let deadline = std::time::Duration::from_secs(10);
    harness::wait::until("the backlog to be seen", deadline, async || hub.app.backlog.unconfirmed() > 1)
        .await
        .unwrap();
    let mut third = body.clone();
    third["demand_id"] = json!("d-3");
    let refused = hub.submit("court-a", &third).await;
    assert_eq!((refused.status, refused.body["code"].as_str()), (503, Some("HUB-1402")));
    hub.sql("UPDATE outbox SET confirmed_at = clock_timestamp()").await;
    harness::wait::until("the backlog to be gone", deadline, async || hub.app.backlog.unconfirmed() == 0)
        .await
        .unwrap();
    assert_eq!(hub.submit("court-a", &third).await.status, 201);
}

#[tokio::test]
async fn a_database_that_hangs_is_answered_in_time_and_the_demand_is_there_once() {
    let hub = Hub::start("hangs").await;
    let body = hub.good("court-a", "d-1").await;
    let mut client = hub.store.client().await.unwrap();
    let lock = client.transaction().await.unwrap();
    lock.batch_execute("INSERT INTO lane VALUES ('110105/110105001001GB00001F00010001', 0)").await.unwrap();
    let begun = std::time::Instant::now();
    let refused = hub.submit("court-a", &body).await;
    assert_eq!((refused.status, refused.body["code"].as_str()), (503, Some("HUB-5003")));
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    lock.rollback().await.unwrap();
    let again = hub.submit("court-a", &body).await;
    assert!(again.status == 200 || again.status == 201, "{}", again.body);
    assert_eq!(hub.rows().await, [1, 1, 1, 1, 1]);
}

/// Demands that come together share a transaction; the database fails on one of them.
#[tokio::test]
async fn a_demand_that_the_database_refuses_harms_no_other() {
    let hub = Hub::start("poison").await;
    let body = hub.good("court-a", "d-0").await;
    hub.sql(
        "RESET ROLE;
         CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN IF NEW.demand_id = ''d-7'' THEN RAISE EXCEPTION ''poison''; END IF; RETURN NEW; END';
         CREATE TRIGGER poison BEFORE INSERT ON demand FOR EACH ROW EXECUTE FUNCTION poison();
         SET ROLE xiezhi_app",
    )
    .await;
    // While nothing can be written, everything gathers.
    let mut client = hub.store.client().await.unwrap();
    let lock = client.transaction().await.unwrap();
    lock.batch_execute("RESET ROLE; LOCK TABLE lane IN EXCLUSIVE MODE; SET ROLE xiezhi_app").await.unwrap();
    let sends = (0..20).map(|n| {
        let mut body = body.clone();
        body["demand_id"] = json!(format!("d-{n}"));
        let hub = &hub;
        async move { hub.submit("court-a", &body).await }
    });
    let release = async {
        let waiting = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                       WHERE d.datname = current_database() AND NOT l.granted";
        harness::wait::until("the writers to wait", std::time::Duration::from_secs(10), async || {
            hub.count(waiting).await > 0
        })
        .await
        .unwrap();
        lock.rollback().await.unwrap();
    };
    let (answers, ()) = futures::future::join(futures::future::join_all(sends), release).await;
    for (n, answer) in answers.iter().enumerate() {
        let expected = if n == 7 { (500, Some("HUB-5003")) } else { (201, None) };
        assert_eq!((answer.status, answer.body["code"].as_str()), expected, "{n}: {}", answer.body);
    }
    assert_eq!(hub.rows().await, [19, 19, 19, 19, 1]);
    let gaps = "SELECT max(lane_seq) - count(*) FROM request";
    assert_eq!(hub.count(gaps).await, 0);
}
