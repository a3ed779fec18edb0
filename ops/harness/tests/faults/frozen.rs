//! One message in two hands: a connector stands still past its heartbeat, another takes over, the first wakes up.

use std::time::Duration;

use harness::rabbit::RabbitOptions;
use harness::stack::StackOptions;
use harness::wait;
use harness::world::{Programs, World};

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
