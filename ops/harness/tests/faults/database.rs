//! A database that is killed under load.

use std::time::{Duration, Instant};

use harness::stack::StackOptions;
use harness::wait;
use harness::world::World;

use crate::run::{PROVINCE, REGISTRY, Run, SOON};

/// Longest time from the database's return until the hub works again.
const BACK: Duration = Duration::from_secs(10);

/// The database server is killed three times under load and stays away for two seconds each time. Meanwhile intake refuses with a
/// code and quickly; afterwards the hub is back within ten seconds, and no demand and no receipt is half there.
#[tokio::test(flavor = "multi_thread")]
async fn a43_database_killed_under_load() {
    let builder = World::builder("a43").private(StackOptions::default()).provinces(&[PROVINCE]);
    let run = Run::start(builder.registries_each(2).courts(&["court-a"])).await;
    let postgres = &run.world.stack().postgres;
    let load = run.submit_many(REGISTRY, 200, Duration::from_millis(80));
    let faults = async {
        let mut slowest = Duration::ZERO;
        for pause in [2_100, 2_900, 1_300] {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            let before = run.answers().len();
            assert!(postgres.is_running());
            postgres.kill9();
            let refused = wait::until("a refusal while the database is away", SOON, async || {
                run.answers()[before..]
                    .iter()
                    .any(|(status, code)| *status == 503 && code.starts_with("HUB-"))
            });
            refused.await.unwrap();
            postgres.restart().await.unwrap();
            let up = Instant::now();
            run.world.hub.ready(BACK).await.unwrap();
            slowest = slowest.max(up.elapsed());
        }
        slowest
    };
    let (ids, slowest) = tokio::join!(load, faults);
    run.tell(&format!("the hub was ready {:.1} s after the database at the latest", slowest.as_secs_f64()));
    let refusals: Vec<_> = run.answers().into_iter().filter(|(status, _)| *status >= 300).collect();
    assert!(
        refusals.iter().all(|(status, code)| *status == 503 && code.starts_with("HUB-")),
        "something else than 503 with a code: {refusals:?}"
    );
    run.replay_undelivered().await;
    run.all_registered_and_taken_once(&ids).await;
    assert_eq!(run.receipts().await.len(), ids.len());
    run.tell(&format!("{} refusals, {} accepted", refusals.len(), ids.len()));
    run.judge().await;
}
