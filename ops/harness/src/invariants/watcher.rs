//! Watches a run from outside: copies receipts and heads, and checks what must hold at any moment.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::copies::Copies;
use super::report::Finding;
use super::{connect, snapshot};

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Watched {
    /// Copies of receipts and heads.
    pub copies: Copies,
    /// What was violated at some moment.
    pub violations: Vec<Finding>,
    /// Looks that succeeded.
    pub looks: u64,
    /// Looks that failed because the database was away.
    pub missed: u64,
}

/// A task that looks once a period until it is stopped. While the database is away it goes on trying.
#[derive(Debug)]
pub struct Watcher {
    seen: Arc<Mutex<Watched>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Watcher {
    /// Starts looking.
    #[must_use]
    pub fn start(database_url: &str, period: Duration) -> Self {
        let (seen, stop) = (Arc::<Mutex<Watched>>::default(), CancellationToken::new());
        let (url, shared, token) = (database_url.to_owned(), Arc::clone(&seen), stop.clone());
        let task = tokio::spawn(async move {
            loop {
                let known = shared.lock().unwrap_or_else(PoisonError::into_inner).copies.clone();
                let looked = tokio::time::timeout(Duration::from_secs(60), Box::pin(look(&url, known))).await;
                note(&shared, looked.ok().and_then(Result::ok));
                tokio::select! {
                    () = token.cancelled() => return,
                    () = tokio::time::sleep(period) => {}
                }
            }
        });
        Self { seen, stop, task }
    }

    /// Stops looking and gives what was seen.
    pub async fn stop(self) -> Watched {
        self.stop.cancel();
        self.task.await.ok();
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// `None` stands for a look that failed.
fn note(seen: &Mutex<Watched>, looked: Option<(Copies, Vec<Finding>)>) {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((copies, violations)) = looked else {
        seen.missed += 1;
        return;
    };
    seen.looks += 1;
    seen.copies = copies;
    seen.violations.extend(violations);
}

async fn look(url: &str, mut copies: Copies) -> Result<(Copies, Vec<Finding>)> {
    let client = connect(url).await?;
    let report = snapshot(&client, &copies).await?;
    copies.take(&client).await?;
    Ok((copies, report.violations().cloned().collect()))
}
