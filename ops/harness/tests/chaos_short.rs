//! A short round of chaos on servers of its own: every kind of fault once, one seed, every invariant. The long rounds
//! and the planted bugs are run by `ops/chaos`.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use harness::chaos::{self, Options};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_everything_is_killed_once() {
    let options = Options {
        strikes: Some(1),
        length: Duration::from_secs(20),
        provinces: ["11", "31", "32"].map(str::to_owned).to_vec(),
        registries_each: 7,
        ..Options::new(300, 20_240_306)
    };
    let outcome = Box::pin(chaos::run(&options)).await.unwrap();
    println!("{outcome}");
    assert!(outcome.passed(), "see the report above");
    assert!(outcome.replayed > 0, "the stranded demands should have become undelivered and been replayed");
}
