//! Running until told to stop, and stopping in order.

use std::time::Duration;

use futures::{Stream, StreamExt};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, timeout_at},
};
use tracing::{info, warn};

use super::{Stage, Supervisor, lock};

/// How the hub came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitReason {
    /// It was told to stop, and did.
    Signalled {
        /// Tasks that did not end in time and were cut off.
        late: Vec<&'static str>,
    },
    /// A task without which it cannot work failed.
    TaskFailed {
        /// That task.
        task: &'static str,
        /// Tasks that did not end in time and were cut off.
        late: Vec<&'static str>,
    },
    /// It was told twice; nothing more was waited for. Safe, because whatever was unfinished is taken up again from the
    /// outbox and the broker.
    Forced,
}

impl ExitReason {
    /// Exit code of the process.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Signalled { .. } => 0,
            Self::TaskFailed { .. } => 1,
            Self::Forced => 130,
        }
    }
}

/// SIGTERM and SIGINT as they arrive.
///
/// # Errors
/// When the system refuses the handlers.
pub fn signals() -> std::io::Result<impl Stream<Item = ()> + Send + Unpin> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(futures::stream::poll_fn(move |cx| {
        if terminate.poll_recv(cx).is_ready() || interrupt.poll_recv(cx).is_ready() {
            std::task::Poll::Ready(Some(()))
        } else {
            std::task::Poll::Pending
        }
    }))
}

impl Supervisor {
    /// Waits for the first of `signals` or for a failure that stops the hub, then stops all stages in order. A second
    /// signal ends the waiting at once; the caller must then exit the process with [`ExitReason::exit_code`].
    /// Is called once.
    pub async fn run_until(&self, mut signals: impl Stream<Item = ()> + Send + Unpin) -> ExitReason {
        let mut failures = self.shared.failures.lock().await;
        let task = tokio::select! {
            Some(task) = failures.recv() => Some(task),
            Some(()) = signals.next() => None,
        };
        info!(grace_secs = self.shared.grace.as_secs(), "stopping: intake, relay, consumers, stores");
        tokio::select! {
            late = self.stop() => match task {
                Some(task) => ExitReason::TaskFailed { task, late },
                None => ExitReason::Signalled { late },
            },
            Some(()) = signals.next() => {
                warn!("told to stop a second time: exiting at once");
                ExitReason::Forced
            }
        }
    }

    /// Stops all stages in order and names who was late. Each stage may use an equal share of what is left of the grace
    /// period, so time that one saves serves the next.
    pub async fn stop(&self) -> Vec<&'static str> {
        let end = Instant::now() + self.shared.grace;
        let mut late = Vec::new();
        for (at, stage) in Stage::ALL.into_iter().enumerate() {
            let stages_left = u32::try_from(Stage::ALL.len() - at).unwrap_or(1);
            let share = end.saturating_duration_since(Instant::now()) / stages_left;
            late.extend(self.stop_stage(stage, share).await);
        }
        late
    }

    async fn stop_stage(&self, stage: Stage, share: Duration) -> Vec<&'static str> {
        let room = &self.shared.stages[stage.index()];
        room.token.cancel();
        room.tracker.close();
        if timeout_at(Instant::now() + share, room.tracker.wait()).await.is_ok() {
            return Vec::new();
        }
        let entries = lock(&self.shared.entries);
        let overdue: Vec<_> = entries.iter().filter(|e| e.kind.stage == stage && !e.is_over()).collect();
        for entry in &overdue {
            warn!(
                task = entry.kind.name,
                ?stage,
                waited_ms = share.as_millis(),
                "task is late and is cut off"
            );
            entry.cut_off();
        }
        overdue.iter().map(|entry| entry.kind.name).collect()
    }
}
