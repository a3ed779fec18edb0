//! The broker's disk alarm: it takes nothing more, and says nothing about it.

use std::time::Duration;

use harness::stack::StackOptions;
use harness::world::World;

use crate::run::{PROVINCE, REGISTRY, Run, SOON};

/// While the alarm is on, intake goes on into the outbox, publishing gives up after its time, and receipts that are in the
/// hub's queue already are stamped and acknowledged. When it ends, everything flows.
#[tokio::test(flavor = "multi_thread")]
async fn a40_disk_alarm_stops_the_road_and_nothing_else() {
    let builder =
        World::builder("a40").private(StackOptions::default()).provinces(&[PROVINCE]).registries_each(1);
    let builder = builder.hub_env("XIEZHI_BROKER__PUBLISH_TIMEOUT_MS", "2000").courts(&["court-a"]);
    let run = Run::start(builder).await;
    let rabbit = &run.world.stack().rabbit;

    // Receipts on their way: asked for by the connector while the hub stands still.
    run.world.fault(REGISTRY, "stall").await.unwrap();
    let waiting = run.submit_many(REGISTRY, 6, Duration::ZERO).await;
    let unsent = "SELECT count(*) FROM inv_outbox WHERE confirmed_at IS NULL";
    run.wait_for_count("the demands to be sent", unsent, 0, SOON).await;
    // Their documents are with the connector then, which needs the hub for nothing but the receipts.
    harness::wait::until("the registry to hold them", SOON, async || {
        run.world.county(PROVINCE).held().await.unwrap() == 6
    })
    .await
    .unwrap();
    run.world.hub.sigstop();
    run.world.fault(REGISTRY, "none").await.unwrap();
    let taken = harness::wait::until("the registry to take them", SOON, async || {
        let mut all = true;
        for id in &waiting {
            all &= run.book(*id).await.0 == 1;
        }
        all
    });
    taken.await.unwrap();
    harness::wait::until("the receipts to be asked for", SOON, async || {
        run.depth("hub.receipts").await.is_some_and(|(ready, unacked)| ready + unacked > 0)
    })
    .await
    .unwrap();
    rabbit.set_disk_alarm(true).await.unwrap();
    run.world.hub.sigcont();
    let stamped = "SELECT count(*) FROM inv_receipt";
    run.wait_for_count("the receipts in hand to be stamped during the alarm", stamped, 6, SOON).await;
    run.tell("six receipts stamped during the alarm");

    // Intake goes on; nothing is marked as sent.
    let ids = run.submit_many(REGISTRY, 40, Duration::ZERO).await;
    assert!(run.answers().iter().all(|(status, _)| *status < 300), "refused: {:?}", run.answers());
    let gave_up = harness::wait::until("publishing to give up after its time", SOON, async || {
        run.world.hub.log().contains("publisher confirm")
    });
    gave_up.await.unwrap();
    assert_eq!(run.count(unsent).await, 40, "marked as sent although the broker takes nothing");
    for id in &ids {
        assert_eq!(run.state(*id).await, "in_flight");
    }
    run.wait_for_depth("hub.receipts", (0, 0)).await;
    assert!(rabbit.management().alarm().await.unwrap(), "the alarm ended by itself");
    run.tell("forty demands wait in the outbox, the hub's queue of receipts is empty");

    rabbit.set_disk_alarm(false).await.unwrap();
    let begin = std::time::Instant::now();
    for id in waiting.iter().chain(&ids) {
        run.wait_for_state(*id, "registered", SOON).await;
    }
    run.tell(&format!("all registered {:.1} s after the alarm", begin.elapsed().as_secs_f64()));
    assert_eq!(run.receipts().await.len(), 46);
    run.judge().await;
}
