//! The ledger under faults that strike inside a stamp: transactions that fail after numbering, replies to COMMIT that are
//! lost, and decisions that race with the receipt.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::time::{Duration, Instant};

use harness::proxy::{Deed, Frame, Protocol, Proxy, Rule};
use hub::{
    ledger::stamp::Stamper,
    store::{SecretUrl, Settings, Store, StoreError, Transaction, requests},
};
use support::{Database, REGISTRY, Request, recorded};
use xiezhi_schemas::message::Verdict;

const BOUND: Duration = Duration::from_secs(1);
const SOON: Duration = Duration::from_secs(20);

/// Numbers come from the head's row: what is rolled back was never given.
#[tokio::test(flavor = "multi_thread")]
async fn a08_a_rolled_back_number_is_given_again() {
    let db = Database::new("receipt_rollback").await;
    let stamper = Stamper::new(db.store.clone(), BOUND, support::rules());
    for unit in 1..=500 {
        let request = db.request(REGISTRY, unit).await;
        // The row of the state log that the receipt would need is taken, so the transaction fails after numbering.
        db.admin
            .execute(
                "INSERT INTO request_state VALUES ($1, 2, 'delivered', clock_timestamp(), 'x', 'x')",
                &[&request.request_id],
            )
            .await
            .unwrap();
        assert!(stamper.stamp(&[request.report()]).await.is_err());
        let good = db.request(REGISTRY, unit + 1000).await;
        assert_eq!(recorded(&stamper.stamp(&[good.report()]).await.unwrap()[0]).no, i64::from(unit));
    }
    db.assert_gapless().await;
    db.finish().await;
}

/// The stamp that the ledger holds for a request, read past everything under test.
async fn held(db: &Database, request: &Request) -> Option<(i64, Vec<u8>)> {
    let sql = "SELECT no, hash FROM receipt WHERE request_id = $1";
    let row = db.admin.query_opt(sql, &[&request.request_id]).await.unwrap();
    row.map(|row| (row.get(0), row.get(1)))
}

/// COMMIT is lost on its way, or its reply is: two cases that look the same from here. In neither is the receipt taken for
/// written or for not written; brought again, it is found by its key, or gets the number that nobody got.
#[tokio::test(flavor = "multi_thread")]
async fn a03_a_lost_commit_and_a_lost_reply_are_told_apart_by_key() {
    let db = Database::new("receipt_lost_reply").await;
    let proxy = Proxy::start(Protocol::Postgres, &db.url).await.unwrap();
    let settings = Settings {
        url: SecretUrl::new(proxy.url()),
        pool_size: 4,
        wait_timeout_ms: 5_000,
        statement_timeout_ms: 20_000,
    };
    let stamper = Stamper::new(Store::new(&settings).unwrap(), BOUND, support::rules());
    for unit in 1..=200_u32 {
        let request = db.request(REGISTRY, unit).await;
        let reports = [request.report()];
        let reply_is_lost = unit % 2 == 0;
        let frame = if reply_is_lost { Frame::Committed } else { Frame::Commit };
        let cut = proxy.arm(Rule::new(frame, Deed::CutBefore).within("INSERT INTO receipt"));
        let first = stamper.stamp(&reports).await;
        cut.sprung(SOON).await.unwrap();
        assert!(matches!(first, Err(StoreError::UnknownOutcome(_))), "{first:?}");
        let written = held(&db, &request).await;
        assert_eq!(written.is_some(), reply_is_lost, "{unit}: {frame:?}");
        let again = stamper.stamp(&reports).await.unwrap().remove(0);
        let (Verdict::Recorded(stamp) | Verdict::Repeated(stamp)) = &again else { panic!("{again:?}") };
        assert_eq!(matches!(again, Verdict::Repeated(_)), reply_is_lost);
        assert_eq!(stamp.no, i64::from(unit), "the number of the one that was not written is given again");
        let now = held(&db, &request).await.unwrap();
        assert!(written.is_none_or(|before| before == now), "the receipt changed");
        assert_eq!((now.0, hex::encode(&now.1)), (stamp.no, stamp.hash.as_str().to_owned()));
    }
    assert_eq!(db.number("SELECT count(*) FROM receipt").await, 200);
    db.assert_gapless().await;
    db.finish().await;
}

/// The server process is killed while it commits; the same report brought again finds what was committed.
#[tokio::test(flavor = "multi_thread")]
async fn a03_an_unknown_commit_is_read_back() {
    let db = Database::new("receipt_unknown").await;
    let stamper = Stamper::new(db.store.clone(), BOUND, support::rules());
    let mut cut = 0;
    for unit in 1..=60 {
        let request = db.request(REGISTRY, unit).await;
        let reports = [request.report()];
        let kill = async {
            tokio::time::sleep(Duration::from_micros(u64::from(unit) * 150)).await;
            let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                       WHERE datname = current_database() AND application_name = 'xiezhi-hub'";
            db.admin.query_one(sql, &[]).await.unwrap();
        };
        let (first, ()) = tokio::join!(stamper.stamp(&reports), kill);
        cut += usize::from(first.is_err());
        let stamp = loop {
            match stamper.stamp(&reports).await {
                Ok(verdicts) => match &verdicts[0] {
                    Verdict::Recorded(stamp) | Verdict::Repeated(stamp) => break stamp.clone(),
                    other => panic!("{other:?}"),
                },
                Err(error) => assert!(error.is_transient(), "{error:?}"),
            }
        };
        if let Ok(verdicts) = first {
            assert_eq!(recorded(&verdicts[0]), &stamp);
        }
        assert_eq!(stamp.no, i64::from(unit));
    }
    assert!(cut > 0, "no connection was cut in time: the test proved nothing");
    db.assert_gapless().await;
    db.finish().await;
}

/// Dead-letters and closes a request as the hub does, if that is still possible.
async fn close(db: &Database, request: &Request) -> bool {
    let mut client = db.store.client().await.unwrap();
    let tx: Transaction<'_> = client.transaction().await.unwrap();
    let mut locked = requests::lock(&tx, &[request.request_id]).await.unwrap();
    let now = requests::clock(&tx).await.unwrap();
    let held = locked.get_mut(&request.request_id).unwrap();
    let mut changes = requests::Changes::default();
    if changes.transition(held, xiezhi_domain::Event::DeadLettered, now, "broker", "expired").is_err() {
        return false;
    }
    changes.transition(held, xiezhi_domain::Event::Closed, now, "operator-a", "given up").unwrap();
    changes.write(&tx).await.unwrap();
    tx.commit().await.unwrap();
    true
}

/// Whoever closes and whoever receives within the same five milliseconds: exactly one of them wins, five hundred times, and
/// neither always.
#[tokio::test(flavor = "multi_thread")]
async fn a14_closing_and_receiving_exclude_each_other() {
    const RACES: u32 = 500;
    let db = Database::new("receipt_close").await;
    let stamper = Stamper::new(db.store.clone(), BOUND, support::rules());
    let mut received = 0;
    for unit in 1..=RACES {
        let request = db.request(REGISTRY, unit).await;
        let reports = [request.report()];
        // Each distance between the two, in steps of a quarter of a millisecond, from 5 ms before to 5 ms after.
        let (ahead, distance) = (unit % 2 == 0, Duration::from_micros(u64::from(unit / 2 % 21) * 250));
        let (stamp_after, close_after) =
            if ahead { (Duration::ZERO, distance) } else { (distance, Duration::ZERO) };
        let begun = Instant::now();
        let (verdicts, closed) = tokio::join!(
            async {
                tokio::time::sleep(stamp_after.saturating_sub(begun.elapsed())).await;
                stamper.stamp(&reports).await.unwrap()
            },
            async {
                tokio::time::sleep(close_after.saturating_sub(begun.elapsed())).await;
                close(&db, &request).await
            }
        );
        match &verdicts[0] {
            Verdict::Recorded(_) => {
                assert!(!closed, "closed after it was received");
                received += 1;
                assert_eq!(db.state(&request).await, "delivered");
            }
            Verdict::Void { code, .. } => {
                assert!(closed && code == "HUB-3003");
                assert_eq!(db.state(&request).await, "closed");
            }
            other => panic!("{other:?}"),
        }
    }
    println!("{received} of {RACES} races were won by the receipt");
    assert!((1..i64::from(RACES)).contains(&received), "the two never met");
    assert_eq!(db.number("SELECT count(*) FROM receipt").await, received);
    db.finish().await;
}

/// A value that the client cannot send, or a result that it cannot read, is no outage: the database is well, the connection goes
/// on, and nothing is to be gained by a repeat.
#[tokio::test]
async fn a_value_that_fits_no_statement_is_no_outage() {
    let db = Database::new("misfit").await;
    let client = db.store.client().await.unwrap();
    let misfits = [
        client.query("SELECT $1::int4", &[&"a text"]).await.map(drop).unwrap_err(),
        client.query("SELECT $1::int4", &[&1_i32, &2_i32]).await.map(drop).unwrap_err(),
        client.query_one("SELECT 1 WHERE false", &[]).await.map(drop).unwrap_err(),
        client.query_one("SELECT 'text'", &[]).await.unwrap().try_get::<_, i64>(0).unwrap_err(),
        client.query_one("SELECT 1", &[]).await.unwrap().try_get::<_, i32>("other").unwrap_err(),
    ];
    for error in misfits {
        let words = error.to_string();
        let error = StoreError::from(error);
        assert_eq!((error.code(), error.is_transient()), ("HUB-5006", false), "{words}");
    }
    client.query_one("SELECT 1", &[]).await.unwrap();
    // A line that broke is an outage, and what it says about itself is not mistaken for the above.
    let admin = support::connect(&db.url).await;
    let own: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    admin.execute("SELECT pg_terminate_backend($1)", &[&own]).await.unwrap();
    let broken = loop {
        match client.query_one("SELECT 1", &[]).await {
            Err(error) if error.code().is_none() => break StoreError::from(error),
            _ => tokio::task::yield_now().await,
        }
    };
    assert_eq!((broken.code(), broken.is_transient()), ("HUB-5001", true));
    drop(client);
    db.finish().await;
}
