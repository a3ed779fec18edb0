//! Keeps one task running by its rule.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use tokio::{sync::mpsc, task::AbortHandle, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info_span, warn};

use super::{OnError, TaskError, TaskKind, TaskState, TaskStatus, lock};
use crate::code::chain;

/// Short enough that a lost connection is back at once, long enough not to spin.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// One task and how it went.
pub(super) struct Entry {
    pub(super) kind: TaskKind,
    status: Mutex<TaskStatus>,
    abort: OnceLock<AbortHandle>,
}

impl Entry {
    pub(super) fn new(kind: TaskKind) -> Self {
        let status = TaskStatus {
            name: kind.name,
            stage: kind.stage,
            state: TaskState::Running,
            runs: 0,
            last_started_at: None,
            last_error: None,
        };
        Self { kind, status: Mutex::new(status), abort: OnceLock::new() }
    }

    pub(super) fn set_abort(&self, handle: AbortHandle) {
        self.abort.get_or_init(|| handle);
    }

    pub(super) fn status(&self) -> TaskStatus {
        lock(&self.status).clone()
    }

    pub(super) fn is_over(&self) -> bool {
        !matches!(lock(&self.status).state, TaskState::Running | TaskState::Waiting)
    }

    pub(super) fn cut_off(&self) {
        if let Some(handle) = self.abort.get() {
            handle.abort();
        }
        lock(&self.status).state = TaskState::Aborted;
    }

    fn started(&self) {
        let mut status = lock(&self.status);
        status.state = TaskState::Running;
        status.runs += 1;
        status.last_started_at = Some(Timestamp::now());
    }

    fn ended(&self, state: TaskState, error: Option<String>) {
        let mut status = lock(&self.status);
        status.state = state;
        if error.is_some() {
            status.last_error = error;
        }
    }
}

/// Runs the task until it is over. Errors and panics are logged here, once.
pub(super) async fn keep(
    entry: Arc<Entry>,
    stop: CancellationToken,
    failed: mpsc::UnboundedSender<&'static str>,
    mut make: impl FnMut(CancellationToken) -> BoxFuture<'static, Result<(), TaskError>> + Send,
) {
    let name = entry.kind.name;
    let mut pause = FIRST_PAUSE;
    loop {
        let begun = Instant::now();
        entry.started();
        let token = stop.child_token();
        let run = AssertUnwindSafe(async { make(token).await })
            .catch_unwind()
            .instrument(info_span!("task", task = name))
            .await;
        let why = match run {
            Ok(Ok(())) => return entry.ended(TaskState::Finished, None),
            Ok(Err(error)) => chain(error.as_ref()),
            Err(panic) => format!("panicked: {}", panic_text(panic.as_ref())),
        };
        if stop.is_cancelled() {
            warn!(task = name, error = %why, "task failed while it was stopping");
            return entry.ended(TaskState::Failed, Some(why));
        }
        match entry.kind.on_error {
            OnError::StopHub => {
                error!(task = name, error = %why, "task failed; the hub cannot work without it and stops");
                entry.ended(TaskState::Failed, Some(why));
                // Nobody listens only when the hub is stopping anyway.
                failed.send(name).ok();
                return;
            }
            OnError::Restart { max_backoff } => {
                if begun.elapsed() > max_backoff {
                    pause = FIRST_PAUSE;
                }
                pause = pause.min(max_backoff);
                let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                warn!(task = name, error = %why, pause_ms, "task failed; it is started again after a pause");
                entry.ended(TaskState::Waiting, Some(why));
                tokio::select! {
                    () = stop.cancelled() => return entry.ended(TaskState::Finished, None),
                    () = tokio::time::sleep(pause) => {}
                }
                pause = pause.saturating_mul(2);
            }
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
