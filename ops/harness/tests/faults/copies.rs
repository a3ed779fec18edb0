//! Messages that somebody copied off the road and sends again: elsewhere, altered, later, in another's name.

use harness::clock::FakeClock;
use harness::world::World;
use jiff::{SignedDuration, Timestamp};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::{Value, json};

use crate::hand::Hand;
use crate::run::{PROVINCE, REGISTRY, Run, SOON};

const OTHER_PROVINCE: &str = "33";

/// The properties with one header changed.
fn with(properties: &BasicProperties, header: &str, value: &str) -> BasicProperties {
    let mut headers: FieldTable = properties.headers().clone().unwrap_or_default();
    headers.insert(header.into(), AMQPValue::LongString(value.into()));
    properties.clone().with_headers(headers)
}

/// A demand and a receipt are copied off the broker and sent again in every way; no registry takes anything it did not
/// hold, no receipt comes into being and none changes.
#[tokio::test(flavor = "multi_thread")]
async fn a20_captured_messages_sent_again_give_nothing_new() {
    let builder = World::builder("a20").provinces(&[PROVINCE, OTHER_PROVINCE]).registries_each(2);
    let run = Run::start(builder.courts(&["court-a"])).await;
    let registries: Vec<String> = run.world.registries().map(|registry| registry.code.clone()).collect();
    let queue = |registry: &str| format!("registry.{registry}.demand");
    let (elsewhere, abroad) = (&registries[1], &registries[2]);
    assert!(elsewhere.starts_with(PROVINCE) && abroad.starts_with(OTHER_PROVINCE));

    let admin = Hand::admin(&run.world).await;
    let demands = admin.tap(&format!("province.{PROVINCE}")).await;
    let receipts = admin.tap(&format!("province.{PROVINCE}.up")).await;
    let request = run.submit(&run.demand(REGISTRY)).await;
    run.wait_for_state(request, "registered", SOON).await;
    let copy = admin.take(&demands).await.delivery;
    let (properties, body) = (copy.properties.clone(), copy.data.clone());
    let receipt = loop {
        let up = admin.take(&receipts).await.delivery;
        if up.routing_key.as_str().starts_with("receipt.") {
            break up.data;
        }
    };
    admin.untap(&demands).await;
    admin.untap(&receipts).await;
    run.wait_for_count(
        "the head to be signed",
        "SELECT coalesce(sum(size), 0)::bigint FROM inv_head",
        1,
        SOON,
    )
    .await;
    let (ledger, heads) = (run.receipts().await, run.heads().await);
    assert_eq!(ledger.len(), 1);

    // Sent again as it was: recognised.
    admin.put("", &queue(REGISTRY), properties.clone(), &body).await;
    let came_again = harness::wait::until("the copy to reach the registry", SOON, async || {
        run.book(request).await == (1, 1)
    });
    came_again.await.unwrap();

    // A day later by the connector's clock: still the same message, and the ledger's stamp is the first one.
    let tomorrow = FakeClock::new(run.world.dir(), "connector").unwrap();
    tomorrow.set("+1d").unwrap();
    let connector = run.world.connector(PROVINCE);
    connector.set_clock(&tomorrow);
    // In order, so that it acknowledges what it has in hand: the broker's counts are too old to tell.
    connector.terminate(SOON).await.unwrap();
    connector.restart().await.unwrap();
    connector.ready(SOON).await.unwrap();
    admin.put("", &queue(REGISTRY), properties.clone(), &body).await;
    let came_again = harness::wait::until("the copy to reach the registry a day later", SOON, async || {
        run.book(request).await == (1, 2)
    });
    came_again.await.unwrap();
    let recognised = harness::wait::until("the copy to be recognised", SOON, async || {
        let by_its_clock =
            (Timestamp::now() + SignedDuration::from_hours(24)).strftime("%Y-%m-%d").to_string();
        connector
            .log()
            .lines()
            .any(|line| line.contains("the ledger had this receipt already") && line.contains(&by_its_clock))
    });
    recognised.await.unwrap();
    tomorrow.set("+0").unwrap();

    // To another registry, to another province, with another sender's name, another signature, another body: refused.
    let signature = xiezhi_schemas::message::header::SIGNATURE;
    let altered = String::from_utf8(body.clone()).unwrap().replacen("演示", "另一", 1).into_bytes();
    assert_ne!(altered, body);
    let forged = "0".repeat(64);
    admin.put("", &queue(elsewhere), properties.clone(), &body).await;
    admin.put("", &queue(abroad), properties.clone(), &body).await;
    admin.put("", &queue(REGISTRY), with(&properties, signature, &forged), &body).await;
    admin.put("", &queue(REGISTRY), properties.clone(), &altered).await;
    admin.put("", &queue(REGISTRY), properties.clone(), b"{}").await;
    // Each of them died as a copy of something delivered; the first to be recorded stands for the attempt.
    for registry in [REGISTRY, elsewhere, abroad] {
        run.wait_for_depth(&queue(registry), (0, 0)).await;
    }
    let seen = format!(
        "SELECT least(count(*), 1) FROM inv_event WHERE kind = 'duplicate_seen' AND request_id = '{request}'"
    );
    run.wait_for_count("the dead copy to be noticed", &seen, 1, SOON).await;
    for province in [PROVINCE, OTHER_PROVINCE] {
        run.wait_for_depth(&format!("hub.undelivered.province.{province}"), (0, 0)).await;
    }
    for province in [PROVINCE, OTHER_PROVINCE] {
        let lines = run.world.journal(province).await.unwrap();
        let strange = |line: &&Value| {
            line["registry"].is_string() && line["registry"] != REGISTRY || line["event"] == "turned"
        };
        assert_eq!(lines.iter().find(strange), None, "another registry's book has something");
    }
    // And once more where such a copy was noticed and taken out already.
    admin.put("", &queue(abroad), properties.clone(), &body).await;
    assert_eq!(run.book(request).await, (1, 2), "a refused copy reached the registry's system");

    // The receipt, asked for again by its own province: the first stamp. By another province, or in another's name: nothing.
    let mine = Hand::province(&run.world, PROVINCE).await;
    let key = format!("receipt.{PROVINCE}.{REGISTRY}");
    let up = |province: &str| format!("province.{province}.up");
    let user = |province: &str| format!("xz-province-{province}");
    for _ in 0..2 {
        let answer = mine.ask(&up(PROVINCE), &key, &user(PROVINCE), &receipt).await;
        let verdict = &answer["answers"][0]["verdict"];
        assert_eq!(verdict["is"], "repeated", "{answer}");
        assert_eq!((&verdict["no"], &verdict["hash"]), (&ledger[0]["no"], &ledger[0]["hash"]));
    }
    let theirs = Hand::province(&run.world, OTHER_PROVINCE).await;
    let answer = theirs.ask(&up(OTHER_PROVINCE), &key, &user(OTHER_PROVINCE), &receipt).await;
    assert_eq!((&answer["schema"], &answer["code"]), (&json!("xiezhi.unread.v1"), &json!("HUB-3102")));

    assert_eq!(run.state(request).await, "registered");
    assert_eq!((run.receipts().await, run.heads().await), (ledger, heads));
    // What is left in the dead-letter queues goes by itself.
    for province in [PROVINCE, OTHER_PROVINCE] {
        admin.stays_empty(&format!("undelivered.province.{province}")).await;
    }
    run.judge().await;
}
