//! What an operator may see of a task.

use jiff::Timestamp;
use serde::Serialize;

use super::Stage;

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    /// It runs.
    Running,
    /// It failed and waits for its next run.
    Waiting,
    /// It ended by itself or because it was told to.
    Finished,
    /// It failed for good.
    Failed,
    /// It did not end in time and was cut off.
    Aborted,
}

/// One task as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskStatus {
    /// Name.
    pub name: &'static str,
    /// When it is stopped.
    pub stage: Stage,
    /// Where it stands.
    pub state: TaskState,
    /// How often it was started.
    pub runs: u64,
    /// Start of the newest run, UTC.
    pub last_started_at: Option<Timestamp>,
    /// The newest error with its causes; stays after a restart.
    pub last_error: Option<String>,
}
