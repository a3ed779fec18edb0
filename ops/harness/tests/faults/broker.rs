//! A broker that is killed under load and while all is quiet, and queues that vanish under their consumers.

use std::time::{Duration, Instant};

use harness::loops;
use harness::loops::are_full;
use harness::stack::StackOptions;
use harness::wait::{self, Step};
use harness::world::{Part, World};
use reqwest::Method;

use crate::run::{PROVINCE, REGISTRY, Run, SOON};

/// Longest time from a broker's or a queue's return until its consumers are back.
const RECONNECT: Duration = Duration::from_secs(30);

/// Waits until a program says that it is not ready.
async fn unready(part: &Part) {
    let what = format!("{} to admit that it cannot work", part.name());
    let admitted = wait::until(&what, SOON, async || match part.ready(Duration::from_millis(300)).await {
        Ok(()) => Step::Again("it says that it is ready".to_owned()),
        Err(_) => Step::Done(()),
    });
    admitted.await.unwrap();
}

/// The broker is killed again and again while nobody publishes and nobody waits. Hub and connector say that they are not
/// ready, and a demand that comes when it is back is registered soon.
#[tokio::test(flavor = "multi_thread")]
async fn a36_broker_killed_while_all_is_quiet() {
    let builder = World::builder("a36").private(StackOptions::default()).provinces(&[PROVINCE]);
    let run = Run::start(builder.registries_each(1).courts(&["court-a"])).await;
    let (rabbit, hub, connector) = (&run.world.stack().rabbit, &run.world.hub, run.world.connector(PROVINCE));
    rabbit.settle().await.unwrap();
    for round in 0..loops(2, 10) {
        rabbit.kill9();
        unready(hub).await;
        unready(connector).await;
        rabbit.restart().await.unwrap();
        let up = Instant::now();
        let probe = run.submit(&run.demand(REGISTRY)).await;
        run.wait_for_state(probe, "registered", RECONNECT).await;
        hub.ready(RECONNECT.saturating_sub(up.elapsed())).await.unwrap();
        connector.ready(RECONNECT.saturating_sub(up.elapsed())).await.unwrap();
        run.tell(&format!("{round}: working again {:.1} s after the broker", up.elapsed().as_secs_f64()));
    }
    run.judge().await;
}

/// The broker is killed again and again, just before and just after confirms, while demands come in all the time. Everything
/// that was accepted is delivered once; hub and connector work again soon after each time.
#[tokio::test(flavor = "multi_thread")]
async fn a22_a36_broker_killed_under_load() {
    let (kills, demands) = (loops(3, 20), loops(300, 10_000));
    let builder = World::builder("a22").private(StackOptions::default()).provinces(&[PROVINCE]);
    let run = Run::start(builder.registries_each(2).courts(&["court-a"])).await;
    let rabbit = &run.world.stack().rabbit;
    rabbit.settle().await.unwrap();
    let pace = if are_full() { 40 } else { 90 };
    let load = run.submit_many(REGISTRY, demands, Duration::from_millis(pace));
    let faults = async {
        let count = "SELECT count(*) FROM inv_outbox WHERE confirmed_at IS NOT NULL";
        let mut before = run.count(count).await;
        // So many more must have been confirmed before each kill, spread over the load.
        let more = i64::try_from(demands / kills / 4).unwrap();
        for pause in [230, 10, 70, 0, 130].into_iter().cycle().take(kills) {
            let confirmed = wait::until("work to go on", SOON, async || {
                let now = run.count(count).await;
                (now >= before + more).then_some(now)
            });
            before = confirmed.await.unwrap();
            let confirmed = before;
            tokio::time::sleep(Duration::from_millis(pause)).await;
            assert!(rabbit.is_running());
            rabbit.kill9();
            rabbit.restart().await.unwrap();
            run.tell(&format!("killed with {confirmed} confirmed"));
        }
        Instant::now()
    };
    let (ids, up) = tokio::join!(load, faults);
    let replayed = run.replay_undelivered().await;
    run.tell(&format!(
        "{replayed} had to be replayed; at rest {:.1} s after the last repair",
        up.elapsed().as_secs_f64()
    ));
    run.all_registered_and_taken_once(&ids).await;
    assert_eq!(run.receipts().await.len(), ids.len());
    run.judge().await;
}

/// The registry's queue and the hub's own queue of receipts are deleted under load. Their consumers notice, come back when the
/// topology was applied again, and what lay in the queues is sent again.
#[tokio::test(flavor = "multi_thread")]
async fn a37_queues_deleted_under_their_consumers() {
    let run =
        Run::start(World::builder("a37").provinces(&[PROVINCE]).registries_each(1).courts(&["court-a"]))
            .await;
    let (hub, connector) = (&run.world.hub, run.world.connector(PROVINCE));
    let (management, vhost) = (run.world.ground().management().unwrap(), run.world.ground().vhost());
    let mine = format!("registry.{REGISTRY}.demand");
    let load = run.submit_many(REGISTRY, 150, Duration::from_millis(60));
    let faults = async {
        let mut back = Vec::new();
        for (queue, consumer) in [(mine.as_str(), connector), ("hub.receipts", hub)] {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            let (status, body) =
                management.request(Method::DELETE, &["queues", &vhost, queue], None).await.unwrap();
            assert!(status.is_success(), "{queue}: {status} {body}");
            unready(consumer).await;
            run.world.hub_cli(&["topology", "apply", "--yes"]).await.unwrap();
            let begin = Instant::now();
            consumer.ready(RECONNECT).await.unwrap();
            back.push((queue, begin.elapsed()));
            run.tell(&format!("{queue}: consumed again after {:.1} s", begin.elapsed().as_secs_f64()));
        }
    };
    let (ids, ()) = tokio::join!(load, faults);
    run.world.hub_cli(&["outbox", "resend", "--reason", "a queue was deleted"]).await.unwrap();
    let replayed = run.replay_undelivered().await;
    run.tell(&format!("{replayed} found no queue and were replayed"));
    run.all_registered_and_taken_once(&ids).await;
    assert_eq!(run.receipts().await.len(), ids.len());
    // What the connectors said while the hub's queue was away is kept for a person, who may throw it away: it was asked again.
    let path = ["queues", vhost.as_str(), "hub.parked", "contents"];
    let (status, body) = management.request(Method::DELETE, &path, None).await.unwrap();
    assert!(status.is_success(), "{status} {body}");
    run.judge().await;
}
