//! The ledger on a database server whose clock is moved while it runs (A06): refused, recorded as an event, never backwards.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::{sync::Arc, time::Duration};

use harness::{
    home::Home,
    postgres::{Postgres, PostgresOptions},
    wait::until,
};
use hub::ledger::stamp::Stamper;
use support::{Database, REGISTRY};
use xiezhi_schemas::message::Verdict;

#[tokio::test(flavor = "multi_thread")]
async fn a06_a_stepped_clock_stamps_nothing() {
    let home = Arc::new(Home::create("clock").unwrap());
    let options = PostgresOptions { faketime: true, fsync: false, ..PostgresOptions::default() };
    let server = Postgres::start(&home, options).await.unwrap();
    server.create_database("clock").await.unwrap();
    let db = Database::at(server.url("clock")).await;
    let stamper = Stamper::new(db.store.clone(), Duration::from_secs(1), support::rules());
    let mut unit = 0;
    let mut next = async || {
        unit += 1;
        let request = db.request(REGISTRY, unit).await;
        stamper.stamp(&[request.report()]).await.unwrap().remove(0)
    };
    assert!(matches!(next().await, Verdict::Recorded(_)));
    let mut refusals = 0;
    for offset in ["-300s", "+2h", "-1d"] {
        server.set_clock_offset(offset).unwrap();
        until("the step is noticed and refused", Duration::from_secs(10), async || match next().await {
            Verdict::Later { code, retry_after_ms, .. } => {
                assert_eq!(code, "HUB-3001");
                assert!(retry_after_ms > 0);
                true
            }
            Verdict::Recorded(_) => false,
            other => panic!("{other:?}"),
        })
        .await
        .unwrap();
        refusals += 1;
        server.set_clock_offset("+0s").unwrap();
        until("the clock is trusted again", Duration::from_secs(10), async || {
            let verdict = next().await;
            refusals += i64::from(matches!(verdict, Verdict::Later { .. }));
            matches!(verdict, Verdict::Recorded(_))
        })
        .await
        .unwrap();
    }
    // A step within the bound is kept as the error of the stamp, and time still only grows.
    server.set_clock_offset("-0.2s").unwrap();
    until("the small step shows as clock error", Duration::from_secs(10), async || {
        assert!(matches!(next().await, Verdict::Recorded(_)));
        db.number("SELECT max(clock_err_us) FROM receipt").await >= 150_000
    })
    .await
    .unwrap();
    let backwards = "SELECT count(*) FROM (SELECT recorded_at <= lag(recorded_at) OVER (ORDER BY no) AS bad FROM receipt) x WHERE bad";
    assert_eq!(db.number(backwards).await, 0);
    assert_eq!(db.number("SELECT count(*) FROM inv_event WHERE kind = 'clock_refused'").await, refusals);
    db.finish().await;
    server.stop().await.unwrap();
}
