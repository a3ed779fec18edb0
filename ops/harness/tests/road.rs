//! The road from court to county and back, with the real programs on a real broker and database: what a demand goes
//! through, what the court is told and in which order, and what stands in the database afterwards.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use harness::world::{World, demand, request_ids, unit_code};
use serde_json::{Value, json};
use support::{SOON, assert_gapless, count, states, told};
use xiezhi_schemas::message::Kind;

/// Events of a request's timeline, in order.
fn timeline(shown: &Value) -> Vec<&str> {
    shown["timeline"].as_array().unwrap().iter().map(|entry| entry["event"].as_str().unwrap()).collect()
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
    let at = |event: &str| {
        timeline.iter().position(|e| *e == event).unwrap_or_else(|| panic!("{event}: {timeline:?}"))
    };
    assert!(
        at("accepted") < at("passed_on")
            && at("passed_on") < at("delivered")
            && at("delivered") < at("outcome")
    );
    let tiers: Vec<_> = shown["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|e| e["event"] == "passed_on")
        .map(|e| e["tier"].clone())
        .collect();
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
    assert_eq!(request_ids(&again).unwrap(), [request]);
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
