//! Feedback in a court's own queue on the broker: the whole stream, in order, whatever dies; recognisable repeats; and walls
//! between the courts. Real programs on a real broker and database.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::try_join_all;
use harness::wait::{self, Step};
use harness::world::{Papers, World, demand};
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ErrorKind};
use serde_json::Value;
use uuid::Uuid;
use xiezhi_schemas::message::Kind;

/// Longest wait for something that must happen; generous, as tests share few cores.
const SOON: Duration = Duration::from_secs(45);
const FAILPOINT: &str = "XIEZHI_FAILPOINT";

/// What a court's reader took, in the order in which it came: message id and event.
type Taken = Arc<Mutex<Vec<(String, Value)>>>;

/// A connection with the court's own account.
async fn connect(world: &World, court: &str) -> Connection {
    let password = world.hub_cli(&["principal", "queue", "password", court]).await.unwrap();
    let url = world.ground().broker_url_as(&format!("xz-court-{court}"), password.trim()).unwrap();
    Connection::connect(&url, ConnectionProperties::default()).await.unwrap()
}

/// Reads a court's queue until the test ends, acknowledging each event.
#[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
async fn read(connection: &Connection, court: &str) -> Taken {
    let channel = connection.create_channel().await.unwrap();
    channel.basic_qos(50, BasicQosOptions::default()).await.unwrap();
    let queue = format!("court.feedback.{court}");
    let options = BasicConsumeOptions::default();
    let mut messages =
        channel.basic_consume(queue.into(), "reader".into(), options, FieldTable::default()).await.unwrap();
    let taken = Taken::default();
    let seen = taken.clone();
    tokio::spawn(async move {
        while let Some(Ok(delivery)) = messages.next().await {
            let id = delivery.properties.message_id().as_ref().unwrap().to_string();
            let event = serde_json::from_slice(&delivery.data).unwrap();
            seen.lock().unwrap().push((id, event));
            channel.basic_ack(delivery.delivery_tag, BasicAckOptions::default()).await.unwrap();
        }
    });
    taken
}

/// Submits `count` demands and gives their ids.
async fn submit(world: &World, court: &str, papers: &Papers, count: usize) -> Vec<Uuid> {
    let court = world.court(court);
    court.upload_all(papers).await.unwrap();
    let one = async || court.send(&demand(Kind::Seizure, "320102").papers(papers).build()).await;
    let all = futures::stream::iter(0..count).map(|_| one()).buffered(4);
    all.map(|ids| ids.unwrap()[0]).collect().await
}

async fn registered(world: &World, court: &str, ids: &[Uuid]) {
    let court = world.court(court);
    try_join_all(ids.iter().map(|id| court.wait_for_state(*id, "registered", SOON))).await.unwrap();
}

/// Waits until the reader has the whole stream; then: nothing missing, nothing before its turn, repeats the same as the first.
async fn judge(world: &World, court: &str, taken: &Taken) -> usize {
    let stream = world.court(court).all_feedback().await.unwrap();
    let last = stream.last().unwrap()["seq"].as_i64().unwrap();
    wait::until("the whole stream in the queue", SOON, async || {
        let highest = taken.lock().unwrap().iter().filter_map(|(_, event)| event["seq"].as_i64()).max();
        if highest == Some(last) { Step::Done(()) } else { Step::Again(format!("{highest:?} of {last}")) }
    })
    .await
    .unwrap();
    let taken = taken.lock().unwrap().clone();
    let (mut reached, mut repeats) = (0, 0);
    for (id, event) in &taken {
        let seq = event["seq"].as_i64().unwrap();
        assert!(seq <= reached + 1, "{court}: {seq} came before {}", reached + 1);
        assert_eq!(id, &format!("{court}:{seq}"));
        assert_eq!(
            event,
            &stream[usize::try_from(seq - 1).unwrap()],
            "{court}: {seq} is not what the API says"
        );
        repeats += usize::from(seq <= reached);
        reached = reached.max(seq);
    }
    assert_eq!(taken.len() - repeats, stream.len());
    repeats
}

async fn queues(world: &World) -> Vec<Value> {
    let listed = world.hub_cli(&["principal", "queue", "list", "--json"]).await.unwrap();
    serde_json::from_str(&listed).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_court_gets_its_whole_stream_in_order_whenever_the_hub_dies() {
    let world = World::builder("feedback_queue").provinces(&["32"]).registries_each(1).start().await.unwrap();
    let papers = Papers::of_case("Feedback", 1);
    let first = submit(&world, "court-a", &papers, 40).await;
    let others = submit(&world, "court-b", &papers, 5).await;
    registered(&world, "court-a", &first).await;
    registered(&world, "court-b", &others).await;

    // The first place at which the hub dies is set before there is a queue, so that the whole backlog passes it.
    let places = [
        "before_feedback_publish:3",
        "after_feedback_publish:7",
        "after_feedback_publish:30",
        "after_feedback_mark",
    ];
    for (at, place) in places.iter().enumerate() {
        world.hub.set_env(FAILPOINT, place);
        world.hub.restart().await.unwrap();
        if at == 0 {
            for court in ["court-a", "court-b"] {
                world.hub_cli(&["principal", "queue", "on", court]).await.unwrap();
            }
            world.hub_cli(&["topology", "apply", "--yes"]).await.unwrap();
        }
        world.hub.wait_for_end(SOON).await.unwrap();
    }
    let [a, b] = [connect(&world, "court-a").await, connect(&world, "court-b").await];
    let (taken_a, taken_b) = (read(&a, "court-a").await, read(&b, "court-b").await);

    // And killed while demands come in and the reader reads.
    world.hub.set_env(FAILPOINT, "");
    for _ in 0..3 {
        world.hub.restart().await.unwrap();
        world.hub.ready(SOON).await.unwrap();
        let before = taken_a.lock().unwrap().len();
        let ids = submit(&world, "court-a", &papers, 8).await;
        wait::until("some events to arrive", SOON, async || taken_a.lock().unwrap().len() >= before + 5)
            .await
            .unwrap();
        world.hub.kill9();
        world.hub.restart().await.unwrap();
        registered(&world, "court-a", &ids).await;
    }
    let repeats = judge(&world, "court-a", &taken_a).await;
    judge(&world, "court-b", &taken_b).await;
    assert!(repeats >= 7 + 30, "what was published and not marked comes again: {repeats}");
    for queue in queues(&world).await {
        assert_eq!(queue["published_seq"], queue["last_seq"], "{queue}");
        assert_eq!(queue["last_error"], Value::Null);
    }
    walls(&a, &b).await;
    // A queue that somebody reads is not deleted under its reader.
    b.close(200, "done".into()).await.unwrap();
    off(&world).await;
    world.finish().await.unwrap();
}

/// A court's account reaches its own queue and nothing else.
async fn walls(a: &Connection, b: &Connection) {
    for (connection, queue) in [
        (b, "court.feedback.court-a"),
        (a, "court.feedback.court-b"),
        (a, "registry.320102.demand"),
        (a, "hub.receipts"),
    ] {
        let channel = connection.create_channel().await.unwrap();
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        let refused = channel.basic_consume(queue.into(), "thief".into(), options, none).await;
        assert_eq!(code(refused.err()), Some(403), "{queue}");
    }
    for (exchange, key) in
        [("court.feedback", "court-b"), ("court", "seizure.32.3201.320102.registry"), ("", "hub.receipts")]
    {
        let channel = a.create_channel().await.unwrap();
        assert_eq!(code(publish(&channel, exchange, key).await.err()), Some(403), "{exchange:?}");
    }
}

#[expect(clippy::disallowed_methods, reason = "plays a court that tries what it may not")]
async fn publish(channel: &Channel, exchange: &str, key: &str) -> Result<(), lapin::Error> {
    channel.confirm_select(Default::default()).await?;
    let options = BasicPublishOptions::default();
    let confirm = channel
        .basic_publish(exchange.into(), key.into(), options, b"{}", BasicProperties::default())
        .await?;
    confirm.await.map(drop)
}

fn code(error: Option<lapin::Error>) -> Option<u16> {
    match error?.kind() {
        ErrorKind::ProtocolError(amqp) => Some(amqp.get_id()),
        other => panic!("no answer of the broker: {other:?}"),
    }
}

/// Without its queue a court loses nothing: road, rights and queue go, the API has the stream.
async fn off(world: &World) {
    world.hub_cli(&["principal", "queue", "off", "court-b"]).await.unwrap();
    let plan: Value =
        serde_json::from_str(&world.hub_cli(&["topology", "plan", "--json"]).await.unwrap()).unwrap();
    let names: Vec<_> =
        plan["changes"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    let road = "court.feedback -[court-b]-> court.feedback.court-b";
    assert_eq!(names, ["xz-court-court-b", road, "court.feedback.court-b"]);
    world.hub_cli(&["topology", "apply", "--yes"]).await.unwrap();
    world.hub_cli(&["topology", "diff"]).await.unwrap();
    assert_eq!(queues(world).await.len(), 1);
}

/// No queue, then a full one: the events wait in their order, other courts do not, and the operator sees why.
#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_missing_or_full_holds_back_its_own_court_only() {
    let world = World::builder("feedback_full")
        .provinces(&["32"])
        .registries_each(1)
        .hub_env("XIEZHI_DELIVERY__QUEUE_MAX_LENGTH", "20")
        .start()
        .await
        .unwrap();
    let papers = Papers::of_case("Feedback", 2);
    let wait_for = async |court: &str, what: &str, fits: fn(&Value) -> bool| {
        wait::until(what, SOON, async || {
            let all = queues(&world).await;
            let found = all.iter().find(|queue| queue["court"] == court).cloned().unwrap_or_default();
            if fits(&found) { Step::Done(found) } else { Step::Again(found.to_string()) }
        })
        .await
        .unwrap()
    };
    world.hub_cli(&["principal", "queue", "on", "court-a"]).await.unwrap();
    let one = submit(&world, "court-a", &papers, 1).await;
    registered(&world, "court-a", &one).await;
    let missing = |queue: &Value| queue["last_error"].as_str().is_some_and(|why| why.contains("HUB-2126"));
    let found = wait_for("court-a", "the missing queue to be told", missing).await;
    assert_eq!(found["published_seq"], 0);

    world.hub_cli(&["topology", "apply", "--yes"]).await.unwrap();
    for _ in 0..4 {
        // Few at a time: the registry's queue is as short.
        let ids = submit(&world, "court-a", &papers, 8).await;
        registered(&world, "court-a", &ids).await;
    }
    let full = |queue: &Value| queue["last_error"].as_str().is_some_and(|why| why.contains("HUB-2127"));
    let found = wait_for("court-a", "the full queue to be told", full).await;
    let (published, last) = (found["published_seq"].as_i64().unwrap(), found["last_seq"].as_i64().unwrap());
    assert!((20..last).contains(&published), "{found}");

    world.hub_cli(&["principal", "queue", "on", "court-b"]).await.unwrap();
    world.hub_cli(&["topology", "apply", "--yes"]).await.unwrap();
    let ids = submit(&world, "court-b", &papers, 2).await;
    registered(&world, "court-b", &ids).await;
    let b = connect(&world, "court-b").await;
    let taken = read(&b, "court-b").await;
    assert_eq!(judge(&world, "court-b", &taken).await, 0);

    let a = connect(&world, "court-a").await;
    let taken = read(&a, "court-a").await;
    assert_eq!(judge(&world, "court-a", &taken).await, 0, "nothing died, so nothing came twice");

    // Set back, the court gets the events again; nobody can be set beyond the end of the stream.
    let refused =
        world.hub_cli_raw(&["principal", "queue", "on", "court-a", "--after", "9999"]).await.unwrap();
    assert!(refused.err.contains("HUB-1034"), "{}", refused.err);
    world.hub_cli(&["principal", "queue", "on", "court-a", "--after", "5"]).await.unwrap();
    wait::until("the repeats", SOON, async || {
        let taken = taken.lock().unwrap();
        taken.iter().filter(|(_, event)| event["seq"] == last).count() == 2
    })
    .await
    .unwrap();
    let again: Vec<i64> =
        taken.lock().unwrap().iter().filter_map(|(_, event)| event["seq"].as_i64()).collect();
    let whole = usize::try_from(last).unwrap();
    assert_eq!(again[whole..], (6..=last).collect::<Vec<_>>());
    for nobody in ["operator-1", "connector-32", "court-z"] {
        let refused = world.hub_cli_raw(&["principal", "queue", "on", nobody]).await.unwrap();
        assert!(refused.err.contains("HUB-1034"), "{nobody}: {}", refused.err);
    }
    world.finish().await.unwrap();
}
