//! Publisher and relay on a real broker and database: a row counts as sent only when its own message is in a queue.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, and spawns without a supervisor"
)]

mod support;

use std::collections::BTreeSet;

use harness::wait::until;
use hub::bus::{Outgoing, Publisher, Settled};
use support::{
    Database, REGISTRY, connect,
    relay::{Broker, KEY, Running, SOON, all_confirmed, ids},
};
use uuid::Uuid;

fn outgoing(key: &str) -> Outgoing {
    Outgoing {
        exchange: "court".to_owned(),
        routing_key: key.to_owned(),
        message_id: Uuid::now_v7().to_string(),
        headers: Vec::new(),
        attempt: Some(1),
        body: vec![b'x'; 500],
    }
}

/// 40 batches of 200 in flight at once, a quarter of them without a road and without an alternate exchange: each message is
/// judged as the queue's contents say. The client alone gives some returns to other messages' confirms.
#[tokio::test(flavor = "multi_thread")]
async fn a01_an_unroutable_message_is_never_taken_for_sent() {
    let db = Database::new("publish_returns").await;
    let broker = Broker::new(db.env.as_ref().unwrap().broker_url(), None).await;
    let mut publisher = Publisher::open(&broker.url, "test", SOON).await.unwrap();
    for round in 0..40_usize {
        let batch: Vec<Outgoing> = (0..200_usize)
            .map(|n| outgoing(if (n * 7 + round) % 4 == 0 { "seizure.99.9901.990101.registry" } else { KEY }))
            .collect();
        let settled;
        (publisher, settled) = publisher.publish(batch.clone()).await.unwrap();
        let in_queue: BTreeSet<Uuid> = broker.drain().await.into_iter().collect();
        for (message, settled) in batch.iter().zip(settled) {
            match settled {
                Settled::Confirmed => {
                    assert!(
                        in_queue.contains(&message.message_id.parse().unwrap()),
                        "called sent, but nowhere"
                    )
                }
                Settled::Returned { reason } => {
                    assert!(reason.starts_with("312"), "{reason}");
                    assert!(
                        !in_queue.contains(&message.message_id.parse().unwrap()),
                        "called returned, but in the queue"
                    );
                }
                Settled::Refused => panic!("nothing is full here"),
            }
        }
    }
    db.finish().await;
}

/// The key is unbound while rows are under way: what came back stays due and is sent when the road is there again.
#[tokio::test(flavor = "multi_thread")]
async fn a01_rows_that_came_back_are_sent_when_the_road_is_mended() {
    let db = Database::new("relay_returns").await;
    let broker = Broker::new(db.env.as_ref().unwrap().broker_url(), None).await;
    let relay = Running::start(&db.store, &broker.url);
    let mut requests = Vec::new();
    for unit in 1..=120 {
        if unit == 40 {
            broker.unbind().await;
        }
        if unit == 90 {
            until("a row came back", SOON, async || {
                db.number("SELECT count(*) FROM outbox WHERE last_error LIKE 'HUB-2005%'").await > 0
            })
            .await
            .unwrap();
            broker.bind().await;
        }
        requests.push(db.request(REGISTRY, unit).await);
        db.admin.batch_execute("NOTIFY xiezhi_outbox").await.unwrap();
    }
    all_confirmed(&db).await;
    relay.stop().await;
    assert_eq!(broker.drain().await.into_iter().collect::<BTreeSet<_>>(), ids(&requests));
    db.finish().await;
}

/// A row with a lower id that commits after higher ones were sent is found; there is no cursor to pass it by.
#[tokio::test(flavor = "multi_thread")]
async fn a10_a_row_that_commits_late_is_sent() {
    let db = Database::new("relay_late").await;
    let broker = Broker::new(db.env.as_ref().unwrap().broker_url(), None).await;
    let relay = Running::start(&db.store, &broker.url);
    let late = db.request(REGISTRY, 1).await;
    all_confirmed(&db).await;
    let slow = connect(&db.url).await;
    slow.batch_execute("BEGIN").await.unwrap();
    let sql = "INSERT INTO outbox (request_id, kind, lane, lane_seq, message_id, attempt, created_at)
               SELECT request_id, 'resend', lane, lane_seq, message_id, 1, clock_timestamp() FROM outbox RETURNING outbox_id";
    let held: i64 = slow.query_one(sql, &[]).await.unwrap().get(0);
    for unit in 2..=101 {
        db.request(REGISTRY, unit).await;
    }
    until("the higher rows are sent", SOON, async || {
        db.number(&format!(
            "SELECT count(*) FROM inv_outbox WHERE outbox_id > {held} AND confirmed_at IS NOT NULL"
        ))
        .await
            == 100
    })
    .await
    .unwrap();
    slow.batch_execute("COMMIT").await.unwrap();
    all_confirmed(&db).await;
    relay.stop().await;
    let sent = broker.drain().await;
    assert_eq!(sent.iter().filter(|id| **id == late.message_id).count(), 2, "first and late row");
    assert_eq!(sent.len(), 102);
    db.finish().await;
}

/// A second relay stands by, sends nothing, and takes over when the first loses its session; lanes stay in order.
#[tokio::test(flavor = "multi_thread")]
async fn a11_one_relay_at_a_time_and_lanes_in_order() {
    let db = Database::new("relay_two").await;
    let broker = Broker::new(db.env.as_ref().unwrap().broker_url(), None).await;
    let (first, second) = (Running::start(&db.store, &broker.url), Running::start(&db.store, &broker.url));
    let mut lanes: Vec<Vec<Uuid>> = vec![Vec::new(); 10];
    for round in 0..20 {
        for (unit, lane) in lanes.iter_mut().enumerate() {
            lane.push(db.request(REGISTRY, u32::try_from(unit).unwrap() + 1).await.message_id);
        }
        if round == 10 {
            let holders = "FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                       WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()";
            until("a relay holds the lock", SOON, async || {
                db.number(&format!("SELECT count(*) {holders}")).await > 0
            })
            .await
            .unwrap();
            let cut = format!("SELECT count(pg_terminate_backend(l.pid)) {holders}");
            assert_eq!(db.number(&cut).await, 1, "exactly one relay holds the lock");
        }
    }
    all_confirmed(&db).await;
    first.stop().await;
    second.stop().await;
    // A row in flight when the session was cut may be there twice; its first copy counts for the order.
    let mut seen = BTreeSet::new();
    let sent: Vec<Uuid> = broker.drain().await.into_iter().filter(|id| seen.insert(*id)).collect();
    assert_eq!(sent.len(), 200);
    for lane in lanes {
        let order: Vec<Uuid> = sent.iter().copied().filter(|id| lane.contains(id)).collect();
        assert_eq!(order, lane, "a lane is out of order");
    }
    db.finish().await;
}

/// A full queue refuses: the row stays with its reason, is not hammered, and goes when there is room.
#[tokio::test(flavor = "multi_thread")]
async fn a42_a_full_queue_keeps_the_rows() {
    let db = Database::new("relay_full").await;
    let broker = Broker::new(db.env.as_ref().unwrap().broker_url(), Some(10)).await;
    let mut requests = Vec::new();
    for unit in 1..=100 {
        requests.push(db.request(REGISTRY, unit).await);
    }
    let relay = Running::start(&db.store, &broker.url);
    let refused = "SELECT count(*) FROM outbox WHERE last_error LIKE 'HUB-2006%'";
    until("the queue refuses", SOON, async || db.number(refused).await > 0).await.unwrap();
    let mut arrived = BTreeSet::new();
    until("everything went through the small queue", SOON * 3, async || {
        arrived.extend(broker.drain().await);
        arrived.len() == requests.len()
    })
    .await
    .unwrap();
    all_confirmed(&db).await;
    relay.stop().await;
    assert_eq!(arrived, ids(&requests));
    // Backoff: a row that was refused is not tried in a hot loop.
    let most = db.number("SELECT max(tries)::bigint FROM outbox").await;
    assert!(most < 60, "{most} tries for one row");
    db.finish().await;
}
