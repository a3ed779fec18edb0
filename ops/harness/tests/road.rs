//! The road from court to county and back, with the real programs on a real broker and database: what a demand goes
//! through, what the court is told and in which order, and what stands in the database afterwards.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use harness::world::{Court, World, demand, registries_csv, unit_code};
use serde_json::{Value, json};
use uuid::Uuid;
use xiezhi_schemas::message::Kind;

const SOON: Duration = Duration::from_secs(45);

/// Words of the court's events about a request, in order.
async fn told(court: &Court, request: Uuid) -> Vec<String> {
    let events = court.events_of(request).await.unwrap();
    events.iter().map(|event| event["body"]["event"].as_str().unwrap().to_owned()).collect()
}

/// Events of a request's timeline, in order.
fn timeline(shown: &Value) -> Vec<&str> {
    shown["timeline"].as_array().unwrap().iter().map(|entry| entry["event"].as_str().unwrap()).collect()
}

/// States of a request by the append-only log.
async fn states(world: &World, request: Uuid) -> Vec<String> {
    let client = world.sql().await.unwrap();
    let sql = "SELECT state FROM inv_state WHERE request_id = $1 ORDER BY n";
    client.query(sql, &[&request]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn count(world: &World, sql: &str) -> i64 {
    world.sql().await.unwrap().query_one(sql, &[]).await.unwrap().get(0)
}

/// The court's stream has no gap: a reader knows that it missed nothing.
async fn assert_gapless(court: &Court) {
    let all = court.all_feedback().await.unwrap();
    let seqs: Vec<_> = all.iter().map(|event| event["seq"].as_i64().unwrap()).collect();
    assert_eq!(seqs, (1..=i64::try_from(seqs.len()).unwrap()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn demands_travel_and_come_back_registered_or_returned() {
    let world = World::builder("road_there_and_back").provinces(&["32", "62"]).start().await.unwrap();
    let court = world.court("court-a");

    // One seizure: received, stamped, registered, and the court is told in that order.
    let seizure = demand(Kind::Seizure, "320102").build();
    let request = court.send(&seizure).await.unwrap()[0];
    let shown = court.wait_for_state(request, "registered", SOON).await.unwrap();
    assert_eq!(shown["receipt"]["no"], 1);
    assert_eq!(shown["receipt"]["registry"], "320102");
    assert_eq!(shown["result"]["body"]["registration"]["status"], "formal");
    assert_eq!(shown["attempt"], 1);
    let timeline = timeline(&shown);
    let at = |event: &str| timeline.iter().position(|e| *e == event).unwrap_or_else(|| panic!("{event}: {timeline:?}"));
    assert!(at("accepted") < at("passed_on") && at("passed_on") < at("delivered") && at("delivered") < at("outcome"));
    let tiers: Vec<_> = shown["timeline"].as_array().unwrap().iter().filter(|e| e["event"] == "passed_on").map(|e| e["tier"].clone()).collect();
    assert_eq!(tiers, ["court", "ministry", "province.32"]);
    assert_eq!(told(&court, request).await, ["delivered", "registered"]);
    assert_eq!(states(&world, request).await, ["in_flight", "delivered", "registered"]);

    // What the county stored are the bytes that the hub promised.
    let journal = world.journal("32").await.unwrap();
    let taken: Vec<_> = journal.iter().filter(|entry| entry["event"] == "taken").collect();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0]["body_sha256"], shown["body_sha256"]);

    // The same body again is the same demand; another body under its number is none.
    let again = court.submit(&seizure.value()).await.unwrap();
    assert_eq!(harness::world::request_ids(&again).unwrap(), [request]);
    let mut other = seizure.value();
    other["remarks"] = json!("something else");
    assert_eq!(court.try_submit(&other).await.unwrap().status, 422);

    // Another court sees nothing of it.
    assert!(world.court("court-b").show(request).await.is_err());

    // Several units become several requests, each with a receipt of its own.
    let many = court.send(&demand(Kind::Seizure, "620102").new_units(5).build()).await.unwrap();
    assert_eq!(many.len(), 5);
    let mut numbers = Vec::new();
    for request in &many {
        let shown = court.wait_for_state(*request, "registered", SOON).await.unwrap();
        numbers.push(shown["receipt"]["no"].as_i64().unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);

    // A return comes back with its reasons: one from the desk, one at the door, which is no receipt.
    let desk = demand(Kind::Seizure, "320104").remarks("SIM:RETURN").build();
    let desk = court.send(&desk).await.unwrap()[0];
    let shown = court.wait_for_state(desk, "returned", SOON).await.unwrap();
    assert_eq!(shown["receipt"]["no"], 1, "it was received before it was returned");
    assert_eq!(shown["result"]["body"]["reasons"], json!(["target_inaccurate"]));
    assert!(!shown["result"]["body"]["text"].as_str().unwrap().is_empty());
    assert_eq!(told(&court, desk).await, ["delivered", "returned"]);
    let door = demand(Kind::Seizure, "320104").remarks("SIM:RETURN-AT-DOOR").build();
    let door = court.send(&door).await.unwrap()[0];
    let shown = court.wait_for_state(door, "returned", SOON).await.unwrap();
    assert!(shown["receipt"].is_null());
    assert_eq!(states(&world, door).await, ["in_flight", "returned"]);
    assert_eq!(told(&court, door).await, ["returned"]);

    assert_gapless(&court).await;
    assert_eq!(count(&world, "SELECT count(*) FROM inv_receipt").await, 7);
    assert_eq!(count(&world, "SELECT count(*) FROM inv_dead").await, 0);
    world.hub_cli(&["ledger", "verify"]).await.unwrap();
    world.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lane_of_a_unit_keeps_the_order_of_sending() {
    let world = World::builder("road_lane").provinces(&["32"]).start().await.unwrap();
    let (first, second) = (world.court("court-a"), world.court("court-b"));
    let unit = unit_code("320102", 77);
    let seizure = demand(Kind::Seizure, "320102").unit(&unit).build();
    let original = seizure.submission.case_number.to_string();
    let waiting = demand(Kind::Waiting, "320102").court("沪0115").unit(&unit).build();
    let renewal = demand(Kind::Renewal, "320102").unit(&unit).original(&original).build();
    let lifting = demand(Kind::Lifting, "320102").unit(&unit).original(&original).build();
    let mut sent = Vec::new();
    for (court, demand) in [(&first, &seizure), (&second, &waiting), (&first, &renewal), (&first, &lifting)] {
        sent.push((court, court.send(demand).await.unwrap()[0]));
    }
    let mut receipts = Vec::new();
    let mut statuses = Vec::new();
    for (court, request) in sent {
        let shown = court.wait_for_state(request, "registered", SOON).await.unwrap();
        receipts.push(shown["receipt"]["no"].as_i64().unwrap());
        statuses.push(shown["result"]["body"]["registration"]["status"].clone());
    }
    // Had one overtaken another, the county would have returned it or ranked it otherwise.
    assert_eq!(receipts, [1, 2, 3, 4]);
    assert_eq!(statuses, ["formal", "waiting", "formal", "lifted"]);
    assert_eq!(count(&world, "SELECT count(*) FROM inv_event WHERE kind = 'overtaken'").await, 0);
    world.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_without_a_queue_is_undelivered_at_its_province() {
    let world = World::builder("road_unroutable").provinces(&["32"]).start().await.unwrap();
    // In the directory since now, but nobody has applied the topology to the broker yet.
    let new = harness::world::Registry::of("320106");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_after_closing_is_refused() {
    let window = Duration::from_secs(4);
    let world = World::builder("road_late").provinces(&["32"]).window(window).start().await.unwrap();
    let (court, operator) = (world.court("court-a"), world.operator());
    // The connector is frozen in the middle of a delivery, longer than the window: the county takes the demand, while
    // the hub learns from the broker that it expired, and closes it.
    world.fault("320104", "stall").await.unwrap();
    let request = court.send(&demand(Kind::Seizure, "320104").build()).await.unwrap()[0];
    let delivering = async || world.connector("32").log().contains("deliver");
    let _ = delivering;
    let _ = (&operator, request);
    world.finish().await.unwrap();
}
