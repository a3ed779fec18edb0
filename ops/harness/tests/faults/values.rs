//! Messages that can be read and hold a value that no database can store.

use std::time::Duration;

use harness::invariants::connect;
use harness::world::World;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::hand::Hand;
use crate::run::{PROVINCE, REGISTRY, Run, SOON};

/// The receipt of a request, as its connector would send it, with some number of the local system.
async fn receipt(run: &Run, request: Uuid, local_reference: &str) -> Vec<u8> {
    let client = connect(&run.world.ground().database_url()).await.unwrap();
    let facts = "SELECT message_id, encode(body_sha256, 'hex') FROM request WHERE request_id = $1";
    let row = client.query_one(facts, &[&request]).await.unwrap();
    let now = jiff::Timestamp::now();
    let receipts = json!({
        "schema": "xiezhi.receipts.v1",
        "connector": "connector-32",
        "items": [{
            "request_id": request,
            "message_id": row.get::<_, Uuid>(0),
            "registry": REGISTRY,
            "body_sha256": row.get::<_, String>(1),
            "attempt": 1,
            "push_started_at": now,
            "push_answered_at": now,
            "local_reference": local_reference,
        }],
    });
    receipts.to_string().into_bytes()
}

/// A county's number with a zero byte in it, which PostgreSQL stores nowhere: the message is kept for a person and answered,
/// instead of failing again and again and keeping every other receipt from the ledger.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_cannot_be_stored_stops_no_other() {
    let builder = World::builder("zero").provinces(&[PROVINCE]).registries_each(1).courts(&["court-a"]);
    let run = Run::start(builder).await;
    let connector = run.world.connector(PROVINCE);
    connector.terminate(Duration::from_secs(10)).await;
    let ids = run.submit_many(REGISTRY, 20, Duration::ZERO).await;
    let hand = Hand::province(&run.world, PROVINCE).await;
    let (exchange, key) = (format!("province.{PROVINCE}.up"), format!("receipt.{PROVINCE}.{REGISTRY}"));
    let user = format!("xz-province-{PROVINCE}");
    let answer = hand.ask(&exchange, &key, &user, &receipt(&run, ids[0], "a\0b").await).await;
    assert_eq!(
        (&answer["schema"], &answer["code"]),
        (&json!("xiezhi.unread.v1"), &json!("HUB-5003")),
        "{answer}"
    );
    let parked = "SELECT count(*) FROM parked_message WHERE code = 'HUB-5003'";
    assert_eq!(run.count(parked).await, 1, "it was not kept");
    assert_eq!(run.receipts().await, Vec::<Value>::new());
    assert!(!run.world.hub.log().contains("task failed"), "the hub's consumer failed on it");
    // The same request with a sound number, and everything else.
    connector.spawn().unwrap();
    connector.ready(SOON).await.unwrap();
    run.all_registered_and_taken_once(&ids).await;
    run.judge().await;
}
