//! The road with a province whose registries offer only a shared directory: the real connector and the real county exchange files.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::{fs, path::Path, time::Instant};

use harness::world::{World, demand};
use support::{SOON, assert_gapless, count, told};
use xiezhi_schemas::message::Kind;

/// Names in a part of an exchange folder.
fn names(folder: &Path, part: &str) -> Vec<String> {
    let entries = fs::read_dir(folder.join(part)).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < SOON, "{what}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn demands_travel_as_files_and_come_back_registered_or_returned() {
    let world = World::builder("road_by_files").provinces(&["32"]).by_files().start().await.unwrap();
    let court = world.court("court-a");
    let folder = world.exchange_folder("320102");

    let request = court.send(&demand(Kind::Seizure, "320102").build()).await.unwrap()[0];
    let shown = court.wait_for_state(request, "registered", SOON).await.unwrap();
    assert_eq!((&shown["receipt"]["no"], &shown["attempt"]), (&1.into(), &1.into()));
    assert_eq!(told(&court, request).await, ["delivered", "registered"]);
    let journal = world.journal("32").await.unwrap();
    let taken = journal.iter().find(|entry| entry["event"] == "taken").unwrap();
    assert_eq!(
        taken["body_sha256"], shown["body_sha256"],
        "the county holds the bytes that the hub promised"
    );

    let desk = demand(Kind::Seizure, "320102").remarks("SIM:RETURN").build();
    let desk = court.send(&desk).await.unwrap()[0];
    court.wait_for_state(desk, "returned", SOON).await.unwrap();
    assert_eq!(told(&court, desk).await, ["delivered", "returned"]);
    let door = demand(Kind::Seizure, "320102").remarks("SIM:RETURN-AT-DOOR").build();
    let door = court.send(&door).await.unwrap()[0];
    let shown = court.wait_for_state(door, "returned", SOON).await.unwrap();
    assert!(shown["receipt"].is_null());

    // The county is stopped with an order before it, and the connector dies over it: whoever comes back finds it there.
    world.county("32").sigstop();
    let request = court.send(&demand(Kind::Seizure, "320102").build()).await.unwrap()[0];
    until("the order lies there", || {
        names(&folder, "out").iter().any(|name| name.starts_with("Biz") && name.ends_with(".xml"))
    })
    .await;
    world.connector("32").kill9();
    world.county("32").sigcont();
    until("the county answers", || names(&folder, "in").iter().any(|name| name.starts_with("Res"))).await;
    world.connector("32").spawn().unwrap();
    let shown = court.wait_for_state(request, "registered", SOON).await.unwrap();
    assert_eq!(shown["receipt"]["no"], 3);
    let journal = world.journal("32").await.unwrap();
    let again = journal.iter().filter(|entry| entry["request_id"] == request.to_string().as_str());
    assert_eq!(again.filter(|entry| entry["event"] == "taken").count(), 1);

    // The mount vanishes and comes back: the demand waits meanwhile, and nothing is made in its place.
    let away = folder.with_extension("away");
    fs::rename(&folder, &away).unwrap();
    let request = court.send(&demand(Kind::Seizure, "320102").build()).await.unwrap()[0];
    let other = court.send(&demand(Kind::Seizure, "320104").build()).await.unwrap()[0];
    court.wait_for_state(other, "registered", SOON).await.unwrap();
    until("the connector tells it", || {
        world.connector("32").log().contains("is the exchange folder mounted")
    })
    .await;
    assert!(!folder.exists());
    assert_eq!(court.state(request).await.unwrap(), "in_flight");
    fs::rename(&away, &folder).unwrap();
    court.wait_for_state(request, "registered", SOON).await.unwrap();

    until("everything is settled", || names(&folder, "out").is_empty() && names(&folder, "in").is_empty())
        .await;
    assert_eq!(names(&folder, "quarantine"), [""; 0]);
    let log = world.connector("32").log();
    assert!(!log.contains("虚构"), "no person and no place in the log");
    assert_gapless(&court).await;
    assert_eq!(count(&world, "SELECT count(*) FROM inv_receipt").await, 5);
    assert_eq!(count(&world, "SELECT count(*) FROM inv_dead").await, 0);
    world.hub_cli(&["ledger", "verify"]).await.unwrap();
    world.finish().await.unwrap();
}
