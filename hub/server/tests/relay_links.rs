//! The relay on bad lines: confirms that get lost, a leader that is slow, and one that lost its database and does not know.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use harness::{
    loops,
    loops::lasting,
    proxy::{Deed, Frame, Protocol, Proxy, Rule, Way},
    wait::until,
};
use hub::store::{SecretUrl, Settings, Store};
use support::{
    Database, REGISTRY,
    relay::{Broker, Running, SOON, all_confirmed},
};
use uuid::Uuid;

/// How the leader's session is known on the line.
const MARK: &str = "UPDATE outbox SET confirmed_at";

fn store_at(url: &str) -> Store {
    let settings = Settings {
        url: SecretUrl::new(url),
        pool_size: 4,
        wait_timeout_ms: 1_000,
        statement_timeout_ms: 1_000,
    };
    Store::new(&settings).unwrap()
}

fn broker_url(db: &Database) -> String {
    db.env.as_ref().unwrap().broker_url().to_owned()
}

/// Demands of so many lanes, in turn; the message ids of each lane in its order.
async fn demands(db: &Database, lanes: u32, each: usize) -> Vec<Vec<Uuid>> {
    let mut ids = vec![Vec::with_capacity(each); lanes as usize];
    for _ in 0..each {
        for (lane, unit) in ids.iter_mut().zip(1..) {
            lane.push(db.request(REGISTRY, unit).await.message_id);
        }
    }
    db.admin.batch_execute("NOTIFY xiezhi_outbox").await.unwrap();
    ids
}

/// The first copies of everything lie in the order of their lanes, and all are there.
fn assert_order(arrived: &[Uuid], lanes: &[Vec<Uuid>]) {
    let mut seen = BTreeSet::new();
    let first: Vec<Uuid> = arrived.iter().copied().filter(|id| seen.insert(*id)).collect();
    assert_eq!(first.len(), lanes.iter().map(Vec::len).sum::<usize>());
    for lane in lanes {
        let order: Vec<Uuid> = first.iter().copied().filter(|id| lane.contains(id)).collect();
        assert_eq!(&order, lane, "a lane is out of order");
    }
}

/// From some confirm on none arrives, until the relay has given up waiting. What is not confirmed is sent again, and until then
/// nothing of its lane goes: no copy of a later demand lies before any copy of an earlier one.
#[tokio::test(flavor = "multi_thread")]
async fn a12_a_lost_confirm_lets_nothing_of_its_lane_pass() {
    let db = Database::new("relay_confirm_lost").await;
    let proxy = Proxy::start(Protocol::Amqp, &broker_url(&db)).await.unwrap();
    let broker = Broker::new(&broker_url(&db), None).await;
    let relay = Running::start(&db.store, &SecretUrl::new(proxy.url()));
    for round in 0..loops(3, 20) {
        // All that follow are lost too, as one of them may confirm everything before it.
        let lost = proxy.arm(Rule::new(Frame::Confirm, Deed::Lose).nth(1 + round % 4).times(usize::MAX));
        let lanes = demands(&db, 5, 4).await;
        lost.sprung(SOON).await.unwrap();
        let confirmed = "SELECT count(*) FROM inv_outbox WHERE confirmed_at IS NOT NULL";
        let then = db.number(confirmed).await;
        let again = proxy.arm(Rule::new(Frame::Publish, Deed::Watch));
        again.sprung(SOON).await.unwrap();
        assert!(db.number(confirmed).await <= then + 5, "marked without a confirm");
        drop(lost);
        all_confirmed(&db).await;
        let arrived = broker.drain().await;
        assert!(arrived.len() > 20, "what was not confirmed was not sent again");
        assert_order(&arrived, &lanes);
        for lane in &lanes {
            let places: Vec<usize> =
                arrived.iter().filter_map(|id| lane.iter().position(|one| one == id)).collect();
            assert!(places.is_sorted(), "a later demand lies before a copy of an earlier one: {places:?}");
        }
    }
    relay.stop().await;
    db.finish().await;
}

/// A queue that refuses some: what it refused is not overtaken by the next of its lane either.
#[tokio::test(flavor = "multi_thread")]
async fn a12_a_refused_message_lets_nothing_of_its_lane_pass() {
    let db = Database::new("relay_refused").await;
    let broker = Broker::new(&broker_url(&db), Some(3)).await;
    let lanes = demands(&db, 5, 4).await;
    let relay = Running::start(&db.store, &broker.url);
    let refused = "SELECT count(*) FROM outbox WHERE last_error LIKE 'HUB-2006%'";
    until("the queue refuses", SOON, async || db.number(refused).await > 0).await.unwrap();
    let mut arrived = Vec::new();
    until("everything went through the small queue", SOON * 3, async || {
        arrived.extend(broker.drain().await);
        arrived.iter().collect::<BTreeSet<_>>().len() == 20
    })
    .await
    .unwrap();
    all_confirmed(&db).await;
    relay.stop().await;
    assert_order(&arrived, &lanes);
    db.finish().await;
}

/// A relay that hangs in a publish loses its session; the other goes on, and what the first still had on its way arrives five
/// seconds late, behind its own second copy.
#[tokio::test(flavor = "multi_thread")]
async fn a11_a_slow_relay_is_overtaken_by_another_and_not_its_lanes() {
    let late = Duration::from_secs(5);
    let db = Database::new("relay_slow").await;
    let proxy = Proxy::start(Protocol::Amqp, &broker_url(&db)).await.unwrap();
    let broker = Broker::new(&broker_url(&db), None).await;
    let slow = Running::start(&db.store, &SecretUrl::new(proxy.url()));
    let holders = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                   WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()";
    until("the first to lead", SOON, async || db.number(holders).await == 1).await.unwrap();
    let quick = Running::start(&db.store, &broker.url);
    let delayed = proxy.arm(Rule::new(Frame::Publish, Deed::Delay(late)).nth(30));
    let lanes = demands(&db, 20, loops(20, 100)).await;
    delayed.sprung(SOON).await.unwrap();
    let end = holders.replace("count(*)", "count(pg_terminate_backend(l.pid))");
    assert_eq!(db.number(&end).await, 1, "exactly one relay holds the lock");
    all_confirmed(&db).await;
    let mut arrived = broker.drain().await;
    let all: usize = lanes.iter().map(Vec::len).sum();
    // The late copies: without them nothing would have been overtaken.
    until("the late copies", late + SOON, async || {
        arrived.extend(broker.drain().await);
        arrived.len() > all
    })
    .await
    .unwrap();
    assert_order(&arrived, &lanes);
    slow.stop().await;
    quick.stop().await;
    db.finish().await;
}

/// The leader's database ends its session, and the leader does not hear of it; its broker connection stands. It publishes
/// nothing more and gives up by itself; the other goes on in order, and every row is marked once.
#[tokio::test(flavor = "multi_thread")]
async fn a13_a_leader_that_lost_its_lock_unheard_publishes_nothing_more() {
    let db = Database::new("relay_split").await;
    let to_database = Proxy::start(Protocol::Postgres, &db.url).await.unwrap();
    let to_broker = Proxy::start(Protocol::Amqp, &broker_url(&db)).await.unwrap();
    let broker = Broker::new(&broker_url(&db), None).await;
    let first = Running::start(&store_at(&to_database.url()), &SecretUrl::new(to_broker.url()));
    let published = to_broker.arm(Rule::new(Frame::Publish, Deed::Watch).times(usize::MAX));
    let mut sent = demands(&db, 1, 1).await;
    all_confirmed(&db).await;
    assert_eq!(published.strikes().len(), 1, "the first leads");
    let second = Running::start(&db.store, &broker.url);

    // Between publish and mark, so that rows are in doubt.
    let split = to_database.arm(Rule::new(Frame::Statement, Deed::HalfClose).containing(MARK));
    let lanes = demands(&db, 10, loops(10, 100)).await;
    split.sprung(SOON).await.unwrap();
    let at = split.strikes()[0];
    all_confirmed(&db).await;
    println!("the second had sent everything {:.1} s after the split", at.elapsed().as_secs_f64());
    let connected =
        to_database.arm(Rule::new(Frame::Statement, Deed::Watch).containing("pg_try_advisory_lock"));
    until("the first to give up and stand by", SOON, async || !connected.strikes().is_empty()).await.unwrap();
    println!("the first stood by {:.1} s after the split", at.elapsed().as_secs_f64());
    let last = published.strikes().into_iter().max().unwrap();
    assert!(last <= at + Duration::from_secs(5), "it went on publishing for {:?}", last - at);

    let mut arrived = broker.drain().await;
    sent[0].extend(&lanes[0]);
    let expected = [&sent[..], &lanes[1..]].concat();
    assert_order(&arrived, &expected);
    assert!(
        arrived.len() > expected.iter().map(Vec::len).sum(),
        "nothing was in doubt: the test proves nothing"
    );
    let twice = "SELECT count(*) FROM outbox WHERE tries > 1 AND last_error IS NULL";
    assert_eq!(db.number(twice).await, 0, "a row was marked twice");

    // Silence on both relays' way would hold the lock; silence on one that stands by harms nobody.
    to_database.silence(&[Way::Up, Way::Down]);
    let more = demands(&db, 10, 2).await;
    all_confirmed(&db).await;
    arrived.extend(broker.drain().await);
    to_database.clear();
    let expected: Vec<Vec<Uuid>> =
        expected.into_iter().zip(more).map(|(lane, more)| [lane, more].concat()).collect();
    assert_order(&arrived, &expected);
    first.stop().await;
    second.stop().await;
    db.finish().await;
}

/// Everything that the leader says to its database gets lost: nobody sends meanwhile, as the lock is held; afterwards it goes
/// on where it was, in order.
#[tokio::test(flavor = "multi_thread")]
async fn a13_a_silent_way_to_the_database_stops_the_relay_and_loses_nothing() {
    let db = Database::new("relay_silent").await;
    let proxy = Proxy::start(Protocol::Postgres, &db.url).await.unwrap();
    let broker = Broker::new(&broker_url(&db), None).await;
    let relay = Running::start(&store_at(&proxy.url()), &broker.url);
    let held = proxy.arm(Rule::new(Frame::Statement, Deed::Hold).containing(MARK));
    let lanes = demands(&db, 10, 5).await;
    held.sprung(SOON).await.unwrap();
    let confirmed = "SELECT count(*) FROM inv_outbox WHERE confirmed_at IS NOT NULL";
    let before = db.number(confirmed).await;
    // Longer than the relay waits for a statement, so that it has given its session up.
    tokio::time::sleep(lasting(6, 20)).await;
    assert_eq!(db.number(confirmed).await, before, "marked over a silent line");
    proxy.clear();
    all_confirmed(&db).await;
    relay.stop().await;
    assert_order(&broker.drain().await, &lanes);
    db.finish().await;
}

/// The server notices by itself that a hub is gone: its session would hold the relay's lock for hours otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn a38_both_ends_look_for_signs_of_life() {
    let db = Database::new("keepalive").await;
    let client = db.store.client().await.unwrap();
    for (setting, value) in [
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "2"),
        ("tcp_user_timeout", "20000"),
    ] {
        let row = client.query_one(&format!("SHOW {setting}"), &[]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), value, "{setting}");
    }
    drop(client);
    db.finish().await;
}

/// A pooled connection whose line went silent is not handed on: after its rest it must give a sign of life.
#[tokio::test(flavor = "multi_thread")]
async fn a38_a_silent_connection_leaves_the_pool() {
    let db = Database::new("pool_silent").await;
    let proxy = Proxy::start(Protocol::Postgres, &db.url).await.unwrap();
    let store = store_at(&proxy.url());
    drop(store.client().await.unwrap());
    let held = proxy.arm(Rule::new(Frame::Statement, Deed::Hold).containing("SELECT 'held'"));
    let client = store.client().await.unwrap();
    let silent = tokio::time::timeout(Duration::from_secs(2), client.simple_query("SELECT 'held'")).await;
    assert!(silent.is_err(), "it answered");
    held.sprung(SOON).await.unwrap();
    drop(client);
    let begun = Instant::now();
    let client = store.client().await.unwrap();
    client.simple_query("SELECT 1").await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    drop(client);
    proxy.clear();
    db.finish().await;
}
