//! A database that is killed under load.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use harness::loops;
use harness::stack::StackOptions;
use harness::wait;
use harness::world::World;

use crate::run::{PROVINCE, REGISTRY, Run, SOON};

/// Longest time from the database's return until the hub works again.
const BACK: Duration = Duration::from_secs(10);

/// Kills the process of one of the hub's sessions, the relay's or any that is at work, and waits until the server has
/// recovered from it, which ends all sessions.
async fn kill_a_session(run: &Run) {
    let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'xiezhi-hub' AND datname = current_database() \
               ORDER BY (state = 'active') DESC, random() LIMIT 1";
    let client = run.world.sql().await.unwrap();
    let pid: i32 = client.query_one(sql, &[]).await.unwrap().get(0);
    let started = "SELECT pg_postmaster_start_time()::text || (SELECT min(backend_start)::text FROM pg_stat_activity \
                   WHERE backend_type = 'checkpointer')";
    let before: String = client.query_one(started, &[]).await.unwrap().get(0);
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let recovered = wait::until("the server to have recovered", SOON, async || {
        let now = run.world.sql().await?.query_one(started, &[]).await?;
        anyhow::ensure!(now.get::<_, String>(0) != before, "it has not noticed yet");
        Ok(())
    });
    recovered.await.unwrap();
}

/// Under load the database server is killed again and again and stays away until a court was refused; between these, single
/// sessions of the hub are killed, which makes the server recover by itself. Intake refuses with a code and quickly; afterwards
/// the hub is back within ten seconds, and no demand and no receipt is half there.
#[tokio::test(flavor = "multi_thread")]
async fn a43_database_killed_under_load() {
    let builder = World::builder("a43").private(StackOptions::default()).provinces(&[PROVINCE]);
    let run = Run::start(builder.registries_each(2).courts(&["court-a"])).await;
    let postgres = &run.world.stack().postgres;
    let kills = loops(4, 20);
    // As long as kills go on: a kill without load would show nothing.
    let killing = AtomicBool::new(true);
    let load = async {
        let mut ids = Vec::new();
        while killing.load(Ordering::Relaxed) {
            ids.extend(run.submit_many(REGISTRY, 20, Duration::from_millis(80)).await);
        }
        ids
    };
    let faults = async {
        let mut slowest = Duration::ZERO;
        for kill in 0..kills {
            // At moments that nobody chose, but the same in every run.
            tokio::time::sleep(Duration::from_millis(1_300 + kill as u64 * 733 % 1_700)).await;
            let before = run.answers().len();
            assert!(postgres.is_running());
            if kill % 2 == 0 {
                postgres.kill9();
                let refused = wait::until("a refusal while the database is away", SOON, async || {
                    run.answers()[before..]
                        .iter()
                        .any(|(status, code)| *status == 503 && code.starts_with("HUB-"))
                });
                refused.await.unwrap();
                postgres.restart().await.unwrap();
            } else {
                kill_a_session(&run).await;
            }
            let up = Instant::now();
            run.world.hub.ready(BACK).await.unwrap();
            slowest = slowest.max(up.elapsed());
        }
        killing.store(false, Ordering::Relaxed);
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
