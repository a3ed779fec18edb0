//! Reminders (智能提醒): a job looks at the clock and at what is open, and makes and closes rows; courts hear of theirs in
//! their stream, everyone reads its own at `GET /v1/reminders`.
//!
//! What stands at an instant is decided by [`xiezhi_domain::timers`]. A round compares that with the rows and changes what
//! differs, so it may be broken off, run late or run twice: after any downtime the next round catches up, and each
//! reminder is made once.

mod due;
mod round;
pub mod routes;

use std::{collections::BTreeMap, time::Duration};

use tokio_util::sync::CancellationToken;
use xiezhi_domain::timers::Timers;
use xiezhi_schemas::message::ReminderLevel;

pub use due::{fill, is_late, late_event};
pub use round::{Round, round};

use crate::{
    http::metrics::Metrics,
    store::{Store, StoreError, reminders as table},
};

/// Goes its rounds until cancelled. Start it again when it fails: what a round did stays done.
///
/// # Errors
/// When the database fails.
pub async fn run(
    store: &Store,
    timers: &Timers,
    period: Duration,
    metrics: &Metrics,
    token: CancellationToken,
) -> Result<(), StoreError> {
    let mut told = None;
    loop {
        let client = store.client().await?;
        let now = client.query_one("SELECT clock_timestamp()", &[]).await?.try_get(0)?;
        drop(client);
        let done = round(store, timers, now).await?;
        metrics.add("reminders_made_total", done.made);
        metrics.add("reminders_closed_total", done.closed);
        let standing: BTreeMap<String, i64> =
            table::count_open(&*store.client().await?).await?.into_iter().collect();
        for (level, gauge) in [
            (ReminderLevel::Notice, "reminders_open_notice"),
            (ReminderLevel::Warning, "reminders_open_warning"),
            (ReminderLevel::Overdue, "reminders_open_overdue"),
        ] {
            metrics.set(gauge, standing.get(level.as_str()).copied().unwrap_or_default());
        }
        if let Some(missing) = done.uncounted
            && told.replace(missing.year) != Some(missing.year)
        {
            tracing::warn!(code = "HUB-3350", "{missing}; reminders that need it wait");
        }
        tokio::select! {
            () = token.cancelled() => return Ok(()),
            () = tokio::time::sleep(period) => {}
        }
    }
}
