//! Writes what time brings about: lapses at 24:00 of a last day, and the conversions that follow.
//!
//! The instant in the log is that of the law, however late the task comes to it: after a week's downtime it writes what
//! would have been written, in the same order. Doing it twice writes nothing twice. A clock that may not be trusted lets no
//! time pass.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use xiezhi_domain::register::History;

use super::record::Book;
use crate::{
    health::Part,
    ledger::clock::{ClockError, ClockGuard, Reading},
    store::{
        Store, StoreError,
        requests::{self, Changes},
        units,
    },
};

/// How often lapses are looked for. They fall on midnight, and nobody waits for them by the second.
const PERIOD: Duration = Duration::from_secs(15);

/// Units looked for at a time; each is one transaction.
const BATCH: i64 = 100;

/// Lets time pass in the registers until cancelled. Trusts clocks within `bound`.
///
/// # Errors
/// When the database fails; nothing is lost, the next run does it.
pub async fn run(
    store: &Store,
    bound: Duration,
    part: &Part,
    token: CancellationToken,
) -> Result<(), StoreError> {
    let mut guard = ClockGuard::new(bound);
    loop {
        match trusted_now(store, &mut guard).await? {
            Ok(now) => {
                let written = pass_time(store, now).await?;
                part.up();
                if written > 0 {
                    tracing::info!(units = written, "lapses and conversions written");
                }
            }
            // The guard must live on: a new one would trust the clock that jumped.
            Err(error) => {
                tracing::error!(code = error.code(), "{error}; nothing lapses meanwhile");
                part.down(error.to_string());
            }
        }
        tokio::select! {
            () = token.cancelled() => return Ok(()),
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

async fn trusted_now(
    store: &Store,
    guard: &mut ClockGuard,
) -> Result<Result<Timestamp, ClockError>, StoreError> {
    let client = store.client().await?;
    let before = Instant::now();
    let database = client.query_one("SELECT clock_timestamp()", &[]).await.map_err(StoreError::from)?.get(0);
    let reading =
        Reading { database, hub: Timestamp::now(), monotonic: Instant::now(), took: before.elapsed() };
    Ok(guard.check(reading).map(|_| database))
}

/// Writes everything that has lapsed by `now` and what follows; gives the number of units that changed.
///
/// # Errors
/// When the database fails; units that were written stay written.
pub async fn pass_time(store: &Store, now: Timestamp) -> Result<usize, StoreError> {
    let mut total = 0;
    loop {
        let due = units::due(&store.client().await?, now, BATCH).await?;
        let mut changed = 0;
        for unit in &due {
            changed += usize::from(pass_in(store, unit, now).await?);
        }
        total += changed;
        // What is due and does not change would be looked at for ever.
        if changed == 0 {
            return Ok(total);
        }
    }
}

/// Lets time pass in one unit; whether anything changed.
async fn pass_in(store: &Store, unit: &str, now: Timestamp) -> Result<bool, StoreError> {
    let mut client = store.client().await?;
    let tx = client.transaction().await?;
    let mut heads: BTreeMap<_, _> = units::lock_heads(&tx, &[unit]).await?;
    let mut reports = units::reports(&tx, &[unit]).await?;
    let receipts = units::receipts(&tx, &[unit]).await?.remove(unit).unwrap_or_default();
    let decisions = units::decisions(&tx, &[unit]).await?;
    let written_at = requests::clock(&tx).await?;
    let mut changes = Changes::default();
    let mut entries = Vec::new();
    if let Some(head) = heads.get_mut(unit) {
        let reports = reports.remove(unit).unwrap_or_default();
        let mut book = Book { unit, head, reports, history: History::default(), entries: &mut entries };
        book.take(None, Some(now), &mut changes, written_at);
        book.compare(&receipts, decisions.get(unit), &mut changes, written_at);
    }
    if entries.is_empty() {
        // Another hub was faster.
        return Ok(false);
    }
    units::append(&tx, &entries).await?;
    units::advance_heads(&tx, &heads).await?;
    changes.write(&tx).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    Ok(true)
}
