#![allow(clippy::unwrap_used, reason = "a test may panic")]
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{Stream, StreamExt, stream};

use super::*;

fn kind(name: &'static str, stage: Stage) -> TaskKind {
    TaskKind { name, stage, on_error: OnError::StopHub }
}

/// One signal, then silence.
fn once() -> impl Stream<Item = ()> + Send + Unpin {
    stream::iter([()]).chain(stream::pending())
}

fn state(sup: &Supervisor, name: &str) -> TaskStatus {
    sup.status().into_iter().find(|s| s.name == name).unwrap()
}

#[tokio::test(start_paused = true)]
async fn stages_stop_in_order_each_after_the_one_before() {
    let sup = Supervisor::new(Duration::from_secs(20));
    let log = Arc::new(Mutex::new(Vec::new()));
    for (name, stage) in
        [("db", Stage::Stores), ("api", Stage::Intake), ("ledger", Stage::Consumers), ("relay", Stage::Relay)]
    {
        let log = log.clone();
        sup.spawn(kind(name, stage), move |token| {
            let log = log.clone();
            async move {
                token.cancelled().await;
                lock(&log).push(format!("{name} told"));
                tokio::time::sleep(Duration::from_secs(1)).await;
                lock(&log).push(format!("{name} done"));
                Ok(())
            }
        });
    }
    let reason = sup.run_until(once()).await;
    assert_eq!(reason, ExitReason::Signalled { late: vec![] });
    assert_eq!(reason.exit_code(), 0);
    let expected: Vec<_> = ["api", "relay", "ledger", "db"]
        .iter()
        .flat_map(|name| [format!("{name} told"), format!("{name} done")])
        .collect();
    assert_eq!(*lock(&log), expected);
    assert!(sup.status().iter().all(|s| s.state == TaskState::Finished && s.runs == 1));
}

#[tokio::test(start_paused = true)]
async fn who_is_late_is_named_cut_off_and_does_not_hold_up_the_rest() {
    let sup = Supervisor::new(Duration::from_secs(8));
    sup.spawn(kind("deaf", Stage::Relay), |_| futures::future::pending());
    let ended = CancellationToken::new();
    let seen = ended.clone();
    sup.spawn(kind("polite", Stage::Stores), move |token| {
        let seen = seen.clone();
        async move {
            token.cancelled().await;
            seen.cancel();
            Ok(())
        }
    });
    let begun = tokio::time::Instant::now();
    assert_eq!(sup.run_until(once()).await, ExitReason::Signalled { late: vec!["deaf"] });
    assert!(ended.is_cancelled());
    assert!(begun.elapsed() <= Duration::from_secs(8), "{:?}", begun.elapsed());
    assert_eq!(state(&sup, "deaf").state, TaskState::Aborted);
    assert_eq!(state(&sup, "polite").state, TaskState::Finished);
    sup.spawn(kind("too late", Stage::Intake), |_| async { Ok(()) });
    assert!(sup.status().iter().all(|s| s.name != "too late"));
}

#[tokio::test(start_paused = true)]
async fn errors_and_panics_lead_to_a_restart_after_a_growing_pause() {
    let sup = Supervisor::new(Duration::from_secs(4));
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let (third, mut reached) = mpsc::channel::<tokio::time::Instant>(4);
    let restart = TaskKind {
        name: "shaky",
        stage: Stage::Consumers,
        on_error: OnError::Restart { max_backoff: Duration::from_millis(150) },
    };
    sup.spawn(restart, move |token| {
        let run = counted.fetch_add(1, Ordering::SeqCst);
        let third = third.clone();
        async move {
            third.send(tokio::time::Instant::now()).await.unwrap();
            match run {
                0 => Err("the line went dead".into()),
                1 => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    panic!("index 3 of {}", 2)
                }
                _ => {
                    token.cancelled().await;
                    Ok(())
                }
            }
        }
    });
    let first = reached.recv().await.unwrap();
    let second = reached.recv().await.unwrap();
    assert!(second - first >= Duration::from_millis(100));
    assert_eq!(state(&sup, "shaky").last_error.as_deref(), Some("the line went dead"));
    let last = reached.recv().await.unwrap();
    assert!(last - second >= Duration::from_millis(160) && last - second < Duration::from_millis(250));
    let now = state(&sup, "shaky");
    assert_eq!((now.runs, now.state), (3, TaskState::Running));
    assert_eq!(now.last_error.as_deref(), Some("panicked: index 3 of 2"));
    assert_eq!(sup.run_until(once()).await, ExitReason::Signalled { late: vec![] });
}

#[tokio::test(start_paused = true)]
async fn a_task_the_hub_needs_stops_the_hub() {
    let sup = Supervisor::new(Duration::from_secs(4));
    sup.spawn(kind("api", Stage::Intake), |token| async move {
        token.cancelled().await;
        Ok(())
    });
    sup.spawn(kind("ledger", Stage::Consumers), |_| async { Err("no key".into()) });
    let reason = sup.run_until(stream::pending()).await;
    assert_eq!(reason, ExitReason::TaskFailed { task: "ledger", late: vec![] });
    assert_eq!(reason.exit_code(), 1);
    assert_eq!(state(&sup, "api").state, TaskState::Finished);
    assert_eq!(state(&sup, "ledger").state, TaskState::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_ends_the_waiting_at_once() {
    let sup = Supervisor::new(Duration::from_secs(3600));
    sup.spawn(kind("deaf", Stage::Intake), |_| futures::future::pending());
    let begun = tokio::time::Instant::now();
    let reason = sup.run_until(stream::iter([(), ()]).chain(stream::pending())).await;
    assert_eq!((reason.exit_code(), reason), (130, ExitReason::Forced));
    assert!(begun.elapsed() < Duration::from_secs(1));
}
