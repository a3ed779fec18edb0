//! One message in two hands: a connector stands still past its heartbeat and another takes over, or the broker takes a
//! delivery back because it was held for too long; then the first hand's answer comes.

use std::time::Duration;

use harness::loops;
use harness::rabbit::RabbitOptions;
use harness::stack::{Stack, StackOptions};
use harness::wait;
use harness::world::{Programs, World};
use serde_json::json;

use crate::run::{PROVINCE, REGISTRY, Run, SOON};

/// A connector with deliveries in hand is frozen until the broker has given it up. The second instance, which stood by,
/// gets them; then the first wakes with the registry's answers in its hands. One receipt each, and the first works again.
#[tokio::test(flavor = "multi_thread")]
async fn a05_a_frozen_connector_wakes_after_another_took_over() {
    // The broker proposes the heartbeat and the lower of the two counts: three seconds instead of ten.
    let config = vec!["heartbeat = 3".to_owned(), "collect_statistics_interval = 1000".to_owned()];
    let rabbit = RabbitOptions { config, ..RabbitOptions::default() };
    let options = StackOptions { rabbit, ..StackOptions::default() };
    let builder = World::builder("a05").private(options).provinces(&[PROVINCE]).registries_each(1);
    let run = Run::start(builder.courts(&["court-a"])).await;
    let first = run.world.connector(PROVINCE);
    let queue = format!("registry.{REGISTRY}.demand");

    run.world.fault(REGISTRY, "stall").await.unwrap();
    let ids = run.submit_many(REGISTRY, 4, Duration::ZERO).await;
    run.wait_for_depth(&queue, (0, 4)).await;

    let path = run.world.dir().join(format!("connector-{PROVINCE}.toml"));
    let mut file: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    file.insert("name".to_owned(), "second".into());
    file.remove("health");
    let path = run.world.dir().join("second.toml");
    std::fs::write(&path, toml::to_string(&file).unwrap()).unwrap();
    let program = Programs::beside_me().unwrap().connector;
    let arguments = ["run".to_owned(), "--config".to_owned(), path.display().to_string()];
    let second = run.world.stack().launch("second", program).clear_env().args(arguments).spawn().unwrap();
    let standing_by =
        wait::until("the second to stand by", SOON, async || second.log().contains("consuming"));
    standing_by.await.unwrap();
    assert_eq!(run.depth(&queue).await, Some((0, 4)), "only one of them is served");

    first.sigstop();
    // The registry stores and answers into a frozen hand.
    run.world.fault(REGISTRY, "none").await.unwrap();
    for id in &ids {
        run.wait_for_state(*id, "registered", SOON).await;
    }
    run.tell("the second took over");
    let receipts = run.receipts().await;
    assert_eq!(receipts.len(), ids.len());
    for id in &ids {
        let (taken, again) = run.book(*id).await;
        assert_eq!(taken, 1);
        assert!(again >= 1, "the registry was not asked a second time: the first did not hold the delivery");
    }

    first.sigcont();
    wait::until("the first to notice", SOON, async || first.log().contains("connection")).await.unwrap();
    first.ready(SOON).await.unwrap();
    // Its late words change nothing, and its old acknowledgements settle nothing of the new connection.
    let more = run.submit_many(REGISTRY, 6, Duration::ZERO).await;
    for id in &more {
        run.wait_for_state(*id, "registered", SOON).await;
    }
    second.terminate(Duration::from_secs(30)).await;
    let last = run.submit_many(REGISTRY, 6, Duration::ZERO).await;
    for id in &last {
        run.wait_for_state(*id, "registered", SOON).await;
    }
    run.tell("the first serves again");
    let now = run.receipts().await;
    assert_eq!(now.len(), ids.len() + more.len() + last.len());
    assert!(receipts.iter().all(|receipt| now.contains(receipt)));
    run.judge().await;
}

/// The registry's system holds a demand longer than the broker lets a delivery be unacknowledged: it has one of them stored
/// already, and of the others it says nothing. The broker takes all back while the connector is well and waits for answers. The
/// connector consumes again, and the second deliveries give one receipt each.
#[tokio::test(flavor = "multi_thread")]
async fn a05_a_delivery_held_beyond_the_brokers_patience_comes_again() {
    const PATIENCE: Duration = Duration::from_secs(5);
    let rabbit = RabbitOptions { consumer_timeout: Some(PATIENCE), ..RabbitOptions::default() };
    let stack = Stack::start("patience", StackOptions { rabbit, ..StackOptions::default() }).await.unwrap();
    // Channels look at the clock once a minute otherwise, and those that exist keep their pace.
    let often = "application:set_env(rabbit, channel_tick_interval, 1000).";
    stack.rabbit.ctl(&["eval", often]).await.unwrap();
    let builder = World::builder("patience").on(stack).provinces(&[PROVINCE]).registries_each(1);
    let run = Run::start(builder.courts(&["court-a"])).await;
    let connector = run.world.connector(PROVINCE);
    for round in 0..loops(1, 5) {
        // Stored, and the answer lost, so that the connector asks once more, into the silence.
        run.world
            .county(PROVINCE)
            .order(&json!({"registry": REGISTRY, "fault": "lose_answer", "times": 1}))
            .await
            .unwrap();
        let stored = run.submit(&run.demand(REGISTRY)).await;
        wait::until("one to be stored", SOON, async || run.book(stored).await.0 == 1).await.unwrap();
        run.world.fault(REGISTRY, "stall").await.unwrap();
        let ids = run.submit_many(REGISTRY, 4, Duration::ZERO).await;
        let since = std::time::Instant::now();
        let seen = connector.log().matches("PRECONDITION_FAILED").count();
        wait::until("the broker to take the deliveries back", SOON, async || {
            connector.log().matches("PRECONDITION_FAILED").count() > seen
        })
        .await
        .unwrap();
        run.tell(&format!("{round}: taken back after {:.1} s", since.elapsed().as_secs_f64()));
        assert!(connector.is_running());
        run.world.fault(REGISTRY, "none").await.unwrap();
        for id in ids.iter().chain([&stored]) {
            run.wait_for_state(*id, "registered", SOON).await;
            assert_eq!((run.book(*id).await.0, run.receipts_of(*id).await.len()), (1, 1));
        }
    }
    run.judge().await;
}
