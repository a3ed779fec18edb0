//! Back pressure: when the broker takes nothing, the outbox grows; beyond a bound new demands are refused with 503, so that
//! the courts keep them instead of a full disk.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::{
    http::{App, codes, problem::Problem},
    store::{StoreError, demands},
};

/// How full the outbox is, as of the last look.
#[derive(Debug)]
pub struct Backlog {
    unconfirmed: AtomicI64,
    most: i64,
}

impl Backlog {
    pub(crate) fn new(most: i64) -> Self {
        Self { unconfirmed: AtomicI64::new(0), most }
    }

    /// Rows without a confirm at the last look; counted no further than just beyond the bound.
    pub fn unconfirmed(&self) -> i64 {
        self.unconfirmed.load(Ordering::Relaxed)
    }

    /// Whether a new demand may come in.
    ///
    /// # Errors
    /// 503 while the outbox is full.
    pub(crate) fn admit(&self) -> Result<(), Problem> {
        if self.unconfirmed() <= self.most {
            return Ok(());
        }
        let detail = "too many accepted demands wait for the broker; nothing was accepted, send the demand again later";
        Err(Problem::new(codes::BACKLOG, detail).retry_after(10))
    }
}

/// Looks at the outbox every second until `stop` is cancelled. Start it again when it fails.
///
/// # Errors
/// When the database does not answer; the last count stays.
pub async fn watch_backlog(app: App, stop: CancellationToken) -> Result<(), StoreError> {
    loop {
        let client = app.store.client().await?;
        let count = demands::unconfirmed(&client, app.backlog.most.saturating_add(1)).await?;
        drop(client);
        app.backlog.unconfirmed.store(count, Ordering::Relaxed);
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_outbox_refuses() {
        let backlog = Backlog::new(10);
        backlog.unconfirmed.store(10, Ordering::Relaxed);
        assert!(backlog.admit().is_ok());
        backlog.unconfirmed.store(11, Ordering::Relaxed);
        assert!(backlog.admit().is_err_and(|problem| problem.status == 503));
    }
}
