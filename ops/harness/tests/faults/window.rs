//! The end of the delivery window and an operator's decision against a receipt that comes late.

use std::time::Duration;

use harness::loops;
use harness::wait::{self, Step};
use harness::world::World;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::hand::Hand;
use crate::run::{PROVINCE, REGISTRY, Run, SOON};

/// The shortest window that a demand can still make when all is well.
const WINDOW: Duration = Duration::from_secs(3);

/// A receipts message as a connector sends it for demands that it says the registry holds.
async fn receipts(run: &Run, requests: &[Uuid]) -> Vec<u8> {
    let client = run.world.sql().await.unwrap();
    let mut items = Vec::new();
    for request in requests {
        let sql = "SELECT r.body_sha256, o.message_id::text FROM inv_request r JOIN inv_outbox o USING (request_id) \
                   WHERE r.request_id = $1 LIMIT 1";
        let row = client.query_one(sql, &[request]).await.unwrap();
        let (digest, message): (String, String) = (row.get(0), row.get(1));
        let now = jiff::Timestamp::now();
        items.push(json!({
            "request_id": request, "message_id": message, "registry": REGISTRY, "body_sha256": digest,
            "attempt": 1, "push_started_at": now, "push_answered_at": now,
        }));
    }
    json!({"schema": "xiezhi.receipts.v1", "connector": "a late hand", "items": items})
        .to_string()
        .into_bytes()
}

/// Asks for receipts in the connector's name; the verdicts in order.
async fn ask(hand: &Hand, body: &[u8]) -> Vec<Value> {
    let (exchange, key) = (format!("province.{PROVINCE}.up"), format!("receipt.{PROVINCE}.{REGISTRY}"));
    let answer = hand.ask(&exchange, &key, &format!("xz-province-{PROVINCE}"), body).await;
    answer["answers"].as_array().unwrap().iter().map(|one| one["verdict"].clone()).collect()
}

/// Waits until everything in `requests` is undelivered.
async fn undelivered(run: &Run, requests: &[Uuid]) {
    for request in requests {
        run.wait_for_state(*request, "undelivered", SOON).await;
    }
}

/// The window ends while the connector that held the delivery is dead; an operator closes; then the receipt comes.
/// No receipt is written. The other way round, the receipt stands and there is nothing to close. Both at once give
/// one outcome each.
#[tokio::test(flavor = "multi_thread")]
async fn a14_a_late_receipt_against_the_window_and_the_close() {
    let builder = World::builder("a14").provinces(&[PROVINCE]).registries_each(1).courts(&["court-a"]);
    let run = Run::start(builder.window(WINDOW)).await;
    let (connector, operator) = (run.world.connector(PROVINCE), run.world.operator());
    let hand = Hand::province(&run.world, PROVINCE).await;

    // Closed first: five deliveries in the connector's hands, the registry's system silent.
    run.world.fault(REGISTRY, "stall").await.unwrap();
    let lost = run.submit_many(REGISTRY, 5, Duration::ZERO).await;
    let stalled = wait::until("the deliveries to be in hand", SOON, async || {
        let stats = run.world.county(PROVINCE).journal().await;
        let unsent = run.count("SELECT count(*) FROM inv_outbox WHERE confirmed_at IS NULL").await;
        if stats.is_ok() && unsent == 0 { Step::Done(()) } else { Step::Again(format!("{unsent} unsent")) }
    });
    stalled.await.unwrap();
    connector.kill9();
    undelivered(&run, &lost).await;
    let stale = receipts(&run, &lost).await;
    let verdicts = ask(&hand, &stale).await;
    assert!(verdicts.iter().all(|v| v["is"] == "void"), "a receipt while undelivered: {verdicts:?}");
    operator.close(&json!({"filter": {}}), "the court sends anew").await.unwrap();
    for request in &lost {
        assert_eq!(run.state(*request).await, "closed");
    }
    for _ in 0..2 {
        let verdicts = ask(&hand, &stale).await;
        assert!(verdicts.iter().all(|v| v["is"] == "void" && v["code"] == "HUB-3003"), "{verdicts:?}");
    }
    assert_eq!(run.receipts().await, Vec::<Value>::new());
    run.tell("closed, then five receipts: all void");

    // Received first: the connector dies between receipt and acknowledgement, and the copy expires.
    run.world.fault(REGISTRY, "none").await.unwrap();
    connector.set_env("XIEZHI_FAILPOINT", "before_ack");
    connector.restart().await.unwrap();
    connector.ready(SOON).await.unwrap();
    let kept = run.submit(&run.demand(REGISTRY)).await;
    connector.wait_for_end(SOON).await.unwrap();
    let first = run.receipts_of(kept).await;
    assert_eq!(first.len(), 1);
    let seen =
        format!("SELECT count(*) FROM inv_event WHERE kind = 'duplicate_seen' AND request_id = '{kept}'");
    run.wait_for_count("the expired copy", &seen, 1, SOON).await;
    let dead: Vec<i64> = operator
        .undelivered("")
        .await
        .unwrap()
        .iter()
        .filter(|item| item["request_id"] == kept.to_string())
        .filter_map(|item| item["dead_id"].as_i64())
        .collect();
    assert_eq!(dead.len(), 1, "the broker's dead letter is accounted for");
    assert_eq!(
        operator.close(&json!({"dead_ids": dead}), "it looks undelivered").await.unwrap(),
        Value::Null
    );
    // Delivered, and registered if the registry was quick enough to say so before the connector died.
    assert!(matches!(run.state(kept).await.as_str(), "delivered" | "registered"));
    assert_eq!(run.receipts_of(kept).await, first);
    connector.set_env("XIEZHI_FAILPOINT", "");
    connector.restart().await.unwrap();
    run.wait_for_state(kept, "registered", SOON).await;
    run.tell("received, then expired: nothing to close");

    // Both at once: replay, close and receipt of the same demands, in every order.
    connector.kill9();
    let contested = run.submit_many(REGISTRY, loops(20, 500), Duration::ZERO).await;
    undelivered(&run, &contested).await;
    let late = receipts(&run, &contested).await;
    let everything = json!({"filter": {}});
    let half: Vec<i64> = operator
        .undelivered("status=open")
        .await
        .unwrap()
        .iter()
        .filter_map(|item| item["dead_id"].as_i64())
        .take(contested.len() / 2)
        .collect();
    let some = json!({"dead_ids": half});
    let (closed, replayed, verdicts) = tokio::join!(
        operator.close(&some, "the court sends anew"),
        operator.replay(&everything, "the registry is well again"),
        async {
            let mut all = Vec::new();
            for _ in 0..20 {
                all.push(ask(&hand, &late).await);
            }
            all
        }
    );
    assert!(closed.is_ok() && replayed.is_ok(), "{closed:?} {replayed:?}");
    connector.restart().await.unwrap();
    run.replay_undelivered().await;
    let (mut received, mut given_up) = (0, 0);
    for request in &contested {
        match (run.state(*request).await.as_str(), run.receipts_of(*request).await.len()) {
            ("closed", 0) => given_up += 1,
            ("delivered" | "registered", 1) => received += 1,
            other => panic!("{request} has two outcomes or none: {other:?}"),
        }
    }
    assert_eq!(received + given_up, contested.len());
    let recorded = verdicts.iter().flatten().filter(|v| v["is"] == "recorded").count();
    run.tell(&format!("contested: {received} received ({recorded} by the late hand), {given_up} closed"));
    run.judge().await;
}
