//! Operators who decide the same thing at the same time, and things that are decided already.

use std::time::Duration;

use harness::world::World;
use reqwest::Client;
use serde_json::{Value, json};

use crate::run::{PROVINCE, REGISTRY, Run, SOON};

/// Two operators replay the same two hundred undelivered demands and ten delivered ones at once: each is sent again once, and
/// nothing that was delivered changes.
#[tokio::test(flavor = "multi_thread")]
async fn a16_two_operators_replay_the_same() {
    let run =
        Run::start(World::builder("a16").provinces(&[PROVINCE]).registries_each(1).courts(&["court-a"]))
            .await;
    let other = run.world.hub_cli(&["principal", "add", "operator-2", "--role", "operator"]).await;
    other.unwrap();
    let token = run.world.hub_cli(&["credential", "issue", "operator-2"]).await.unwrap();
    let undelivered = "SELECT count(*) FROM inv_request WHERE state = 'undelivered'";

    // Ten that were refused, replayed and delivered: their dead letters are decided.
    run.world.fault(REGISTRY, "refuse").await.unwrap();
    let delivered = run.submit_many(REGISTRY, 10, Duration::ZERO).await;
    run.wait_for_count("the refused to be undelivered", undelivered, 10, SOON).await;
    run.world.fault(REGISTRY, "none").await.unwrap();
    let operator = run.world.operator();
    operator.replay(&json!({"filter": {}}), "the registry is well again").await.unwrap();
    for id in &delivered {
        run.wait_for_state(*id, "registered", SOON).await;
    }
    run.world.fault(REGISTRY, "refuse").await.unwrap();
    let refused = run.submit_many(REGISTRY, 200, Duration::ZERO).await;
    run.wait_for_count("two hundred to be undelivered", undelivered, 200, SOON).await;
    run.world.fault(REGISTRY, "none").await.unwrap();
    let receipts = run.receipts().await;
    assert_eq!(receipts.len(), delivered.len());
    let messages = "SELECT count(DISTINCT message_id) FROM inv_outbox";
    assert_eq!(run.count(messages).await, 210);

    let all: Vec<i64> =
        operator.undelivered("").await.unwrap().iter().filter_map(|item| item["dead_id"].as_i64()).collect();
    assert_eq!(all.len(), 210);
    let order = json!({
        "action": "replay", "reason": "both of us saw it", "pace_per_second": 1000, "dry_run": false,
        "select": {"dead_ids": all},
    });
    let http = Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/v1/undelivered/jobs", run.world.hub_base());
    let mut orders = Vec::new();
    // Four times each: impatient people press again.
    for _ in 0..4 {
        for token in [operator.token(), token.trim()] {
            orders.push(http.post(&url).bearer_auth(token).json(&order).send());
        }
    }
    let answers = futures::future::join_all(orders).await;
    let mut taken = 0;
    for answer in answers {
        let answer = answer.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        let preview: Value = answer.json().await.unwrap();
        if let Some(job) = preview["job_id"].as_str() {
            assert_eq!(preview["total"], 200, "a decided dead letter was taken again");
            operator.wait_for_job(job, SOON).await.unwrap();
            taken += 1;
        }
    }
    assert!(taken >= 2, "only one order found something open: they did not meet");
    for id in &refused {
        run.wait_for_state(*id, "registered", SOON).await;
    }
    let replays = "SELECT count(*) FROM (SELECT FROM inv_outbox WHERE kind = 'replay' GROUP BY request_id \
                   HAVING count(*) = 1) once";
    assert_eq!(run.count(replays).await, 210, "each was sent again once");
    assert_eq!(run.count("SELECT count(*) FROM inv_outbox WHERE kind = 'replay'").await, 210);
    assert_eq!(run.count(messages).await, 210, "a replay keeps the message's id");
    let now = run.receipts().await;
    assert_eq!(now.len(), 210);
    assert!(receipts.iter().all(|receipt| now.contains(receipt)), "a replay changed a receipt");

    // Once more, when nothing is open: nothing happens at all.
    let size = "SELECT coalesce(sum(size), 0)::bigint FROM inv_head";
    run.wait_for_count("the head to be signed", size, 210, SOON).await;
    let heads_now = run.heads().await;
    let nothing = operator.replay(&json!({"dead_ids": all}), "once more for luck").await.unwrap();
    assert_eq!(nothing, Value::Null);
    assert_eq!((run.receipts().await, run.heads().await), (now, heads_now));
    run.tell(&format!("{taken} orders met over the same two hundred"));
    run.judge().await;
}
