//! What cannot be delivered (未送达): where the road ended, what the court is told, and that replaying and closing keep
//! their promises. Real programs on a real broker and database.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use futures::StreamExt as _;
use harness::world::{Registry, World, demand, registries_csv};
use lapin::options::{BasicConsumeOptions, BasicPublishOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use serde_json::{Value, json};
use support::{SOON, assert_gapless, count, states, told};
use uuid::Uuid;
use xiezhi_schemas::message::Kind;

/// Asks for a receipt as a connector would that was cut off while it delivered, and gives the ledger's verdict.
#[expect(clippy::disallowed_methods, reason = "plays a connector that is no longer in step")]
async fn late_receipt(world: &World, shown: &Value) -> Value {
    let password = world.hub_cli(&["province", "broker-password", "32"]).await.unwrap();
    let url = world.ground().broker_url_as("xz-province-32", password.trim()).unwrap();
    let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let reply_to = "amq.rabbitmq.reply-to";
    let no_ack = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let mut replies =
        channel.basic_consume(reply_to.into(), "late".into(), no_ack, FieldTable::default()).await.unwrap();
    let now = jiff::Timestamp::now();
    let receipts = json!({"schema": "xiezhi.receipts.v1", "connector": "late", "items": [{
        "request_id": shown["request_id"], "message_id": shown["message_id"], "registry": shown["registry"],
        "body_sha256": shown["body_sha256"], "attempt": shown["attempt"],
        "push_started_at": now, "push_answered_at": now,
    }]});
    let properties = BasicProperties::default()
        .with_user_id("xz-province-32".into())
        .with_message_id(Uuid::now_v7().to_string().into())
        .with_correlation_id("late".into())
        .with_reply_to(reply_to.into());
    let body = receipts.to_string().into_bytes();
    let (exchange, key) = ("province.32.up".into(), "receipt.32.320104".into());
    channel.basic_publish(exchange, key, BasicPublishOptions::default(), &body, properties).await.unwrap();
    let reply = tokio::time::timeout(SOON, replies.next()).await.unwrap().unwrap().unwrap();
    let answer: Value = serde_json::from_slice(&reply.data).unwrap();
    answer["answers"][0]["verdict"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_without_a_queue_is_undelivered_at_its_province() {
    let world = World::builder("road_unroutable").provinces(&["32"]).start().await.unwrap();
    // In the directory since now, but nobody has applied the topology to the broker yet.
    let new = Registry::of("320106");
    let file = world.dir().join("new.csv");
    std::fs::write(&file, registries_csv([&new])).unwrap();
    world.hub_cli(&["directory", "import", file.to_str().unwrap()]).await.unwrap();

    let court = world.court("court-a");
    let demand = demand(Kind::Seizure, "320106").build();
    let request = court.send(&demand).await.unwrap()[0];
    court.wait_for_state(request, "undelivered", SOON).await.unwrap();
    let events = court.events_of(request).await.unwrap();
    let notice = &events[0]["body"];
    assert_eq!(notice["event"], "undelivered");
    assert_eq!((&notice["cause"], &notice["code"]), (&json!("unroutable"), &json!("HUB-4002")));
    assert_eq!((&notice["tier"], &notice["attempt"]), (&json!("province.32"), &json!(1)));

    let dead = world.operator().undelivered("status=open").await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0]["request_id"], request.to_string());
    assert_eq!(dead[0]["routing_key"], "seizure.32.3201.320106.registry");
    assert_eq!(count(&world, "SELECT count(*) FROM inv_receipt").await, 0);
    world.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expired_is_replayed_with_a_later_receipt_or_closed_for_good() {
    let window = Duration::from_secs(4);
    let world = World::builder("road_expired").provinces(&["32"]).window(window).start().await.unwrap();
    let (court, operator) = (world.court("court-a"), world.operator());
    world.fault("320104", "down").await.unwrap();
    let [replayed, closed] = [
        court.send(&demand(Kind::Seizure, "320104").build()).await.unwrap()[0],
        court.send(&demand(Kind::Seizure, "320104").build()).await.unwrap()[0],
    ];
    // Others are not touched by one county's illness.
    let other = court.send(&demand(Kind::Seizure, "320102").build()).await.unwrap()[0];
    court.wait_for_state(other, "registered", SOON).await.unwrap();
    let before = court.wait_for_state(replayed, "undelivered", SOON).await.unwrap();
    court.wait_for_state(closed, "undelivered", SOON).await.unwrap();
    assert!(before["receipt"].is_null());
    let notice = court.events_of(replayed).await.unwrap()[0].clone();
    assert_eq!(notice["body"]["cause"], "expired");
    assert_eq!(notice["body"]["code"], "HUB-4001");
    assert_eq!(notice["body"]["tier"], "province.32");

    let dead_id = async |request: Uuid| {
        let dead = operator.undelivered(&format!("status=open&request_id={request}")).await.unwrap();
        assert_eq!(dead.len(), 1);
        dead[0]["dead_id"].as_i64().unwrap()
    };
    let (to_replay, to_close) = (dead_id(replayed).await, dead_id(closed).await);

    // Closed for good: it stays closed although the county is well again, and leaves no receipt.
    operator.close(&json!({"dead_ids": [to_close]}), "the court sends anew").await.unwrap();
    assert_eq!(court.state(closed).await.unwrap(), "closed");
    assert_eq!(told(&court, closed).await, ["undelivered", "closed"]);
    let verdict = late_receipt(&world, &court.show(closed).await.unwrap()).await;
    assert_eq!(verdict["is"], "void", "{verdict}");
    assert_eq!(court.state(closed).await.unwrap(), "closed");

    world.fault("320104", "none").await.unwrap();
    operator.replay(&json!({"dead_ids": [to_replay]}), "the county is back").await.unwrap();
    let after = court.wait_for_state(replayed, "registered", SOON).await.unwrap();
    for same in ["request_id", "message_id", "body_sha256", "accepted_at", "lane_seq"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_eq!((&before["attempt"], &after["attempt"]), (&json!(1), &json!(2)));
    let instant = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(instant(&after["receipt"]["delivered_at"]) > instant(&notice["at"]));
    assert_eq!(told(&court, replayed).await, ["undelivered", "replayed", "delivered", "registered"]);
    let road = ["in_flight", "undelivered", "in_flight", "delivered", "registered"];
    assert_eq!(states(&world, replayed).await, road);

    // Replaying what is decided is refused or does nothing, and changes nothing.
    drop(operator.replay(&json!({"dead_ids": [to_replay, to_close]}), "once more").await);
    assert_eq!(court.state(closed).await.unwrap(), "closed");
    assert_eq!(states(&world, closed).await, ["in_flight", "undelivered", "closed"]);
    assert_eq!(states(&world, replayed).await, road);
    assert_eq!(count(&world, "SELECT count(*) FROM inv_receipt").await, 2);
    assert_gapless(&court).await;
    world.finish().await.unwrap();
}
