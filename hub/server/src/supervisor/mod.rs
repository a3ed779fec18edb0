//! The one place that spawns tasks.
//!
//! A task has a name, a rule for when it fails and a stage in which it is stopped. A task that merely got lost cannot
//! exist: what runs is listed, what panics is logged and treated like any error, and what is late at the end is named.

mod keeper;
mod status;
mod stop;

use std::{
    error::Error,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::FutureExt;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use status::{TaskState, TaskStatus};
pub use stop::{ExitReason, signals};

use keeper::{Entry, keep};

/// Why a task ended badly. Anything that says what happened will do; the supervisor only logs it.
pub type TaskError = Box<dyn Error + Send + Sync>;

/// When a task is stopped, first to last. Work enters at the top and leaves at the bottom, so whoever brings new work
/// goes first and whoever others write through goes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// What takes work from outside: the API.
    Intake,
    /// What sends: the outbox relay, webhooks.
    Relay,
    /// What takes messages from the broker.
    Consumers,
    /// What the others need to the end: pools, telemetry, witnesses.
    Stores,
}

impl Stage {
    /// All stages in the order of stopping.
    pub const ALL: [Self; 4] = [Self::Intake, Self::Relay, Self::Consumers, Self::Stores];

    fn index(self) -> usize {
        self as usize
    }
}

/// What happens when a task returns an error or panics before it was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// Run it again after a pause that doubles from 100 ms up to `max_backoff`. A run that lasted longer than
    /// `max_backoff` starts over with the shortest pause.
    Restart {
        /// Longest pause.
        max_backoff: Duration,
    },
    /// The hub cannot do its work without it: stop everything in order and exit with an error.
    StopHub,
}

/// Name and rules of a task.
#[derive(Debug, Clone, Copy)]
pub struct TaskKind {
    /// Name in logs and in the status list.
    pub name: &'static str,
    /// Rule on error.
    pub on_error: OnError,
    /// When it is stopped.
    pub stage: Stage,
}

/// Spawns tasks and stops them. Clones share the same tasks.
#[derive(Clone)]
pub struct Supervisor {
    shared: Arc<Shared>,
}

struct Shared {
    grace: Duration,
    stages: [StageRoom; 4],
    entries: Mutex<Vec<Arc<Entry>>>,
    failed: mpsc::UnboundedSender<&'static str>,
    failures: tokio::sync::Mutex<mpsc::UnboundedReceiver<&'static str>>,
}

#[derive(Default)]
struct StageRoom {
    token: CancellationToken,
    tracker: TaskTracker,
}

/// Poison only says that another thread panicked while holding the lock; the data here is whole after every statement.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Supervisor {
    /// A supervisor whose ordered stop may take `grace` in all.
    pub fn new(grace: Duration) -> Self {
        let (failed, failures) = mpsc::unbounded_channel();
        Self {
            shared: Arc::new(Shared {
                grace,
                stages: Default::default(),
                entries: Mutex::default(),
                failed,
                failures: tokio::sync::Mutex::new(failures),
            }),
        }
    }

    /// Starts a task. `make` is called once for every run with a token that is cancelled when the task must end; a task
    /// that returns `Ok` is over and is not run again. After the task's stage was stopped, nothing is started any more.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn<F, R>(&self, kind: TaskKind, mut make: F)
    where
        F: FnMut(CancellationToken) -> R + Send + 'static,
        R: Future<Output = Result<(), TaskError>> + Send + 'static,
    {
        let room = &self.shared.stages[kind.stage.index()];
        if room.token.is_cancelled() {
            return;
        }
        let entry = Arc::new(Entry::new(kind));
        let token = room.token.child_token();
        let failed = self.shared.failed.clone();
        let keeper = keep(entry.clone(), token, failed, move |token| make(token).boxed());
        #[expect(clippy::disallowed_methods, reason = "this is the supervisor")]
        let handle = tokio::spawn(room.tracker.track_future(keeper));
        entry.set_abort(handle.abort_handle());
        let mut entries = lock(&self.shared.entries);
        // A finished predecessor of the same name has nothing left to tell.
        entries.retain(|old| old.kind.name != kind.name || !old.is_over());
        entries.push(entry);
    }

    /// The stage's token, for code that watches a stop without being a task (a long poll in a handler).
    pub fn token(&self, stage: Stage) -> CancellationToken {
        self.shared.stages[stage.index()].token.child_token()
    }

    /// What runs and how it went, in the order of spawning.
    pub fn status(&self) -> Vec<TaskStatus> {
        lock(&self.shared.entries).iter().map(|entry| entry.status()).collect()
    }
}

#[cfg(test)]
mod tests;
