//! What handlers work with, and the settings of the API.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use serde::Deserialize;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{auth::Gate, codes, health::Health, metrics::Metrics, problem::Problem};
use crate::{
    documents::Documents,
    feedback::{self, Signal},
    intake::Backlog,
    secret::HubSecret,
    store::Store,
};

/// How the API listens and what it takes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address and port.
    pub listen: SocketAddr,
    /// Whether an address that the whole world may reach is meant (R9).
    pub allow_public_bind: bool,
    /// Largest JSON body, in bytes.
    pub max_body_bytes: usize,
    /// Sustained requests per second of one credential's holder.
    pub rate_per_second: u32,
    /// Requests a holder may save up.
    pub rate_burst: u32,
    /// Longest time for one answer, in milliseconds; uploads may take ten times as long, long polls their own time.
    pub request_timeout_ms: u64,
    /// Outbox rows without the broker's confirm beyond which new demands are refused with 503.
    #[serde(default = "most_unconfirmed")]
    pub max_outbox: i64,
    /// Connections open at once; more wait in the listen queue.
    #[serde(default = "most_connections")]
    pub max_connections: usize,
}

/// A day of a busy province; a row costs about 2 kB, so the database is far from its limit.
fn most_unconfirmed() -> i64 {
    1_000_000
}

/// Each costs about 20 kB.
fn most_connections() -> usize {
    2_000
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8300)),
            allow_public_bind: false,
            max_body_bytes: 1 << 20,
            rate_per_second: 50,
            rate_burst: 200,
            request_timeout_ms: 30_000,
            max_outbox: most_unconfirmed(),
            max_connections: most_connections(),
        }
    }
}

impl Settings {
    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(crate) fn upload_timeout(&self) -> Duration {
        self.request_timeout() * 10
    }
}

/// Everything handlers need; cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// The database.
    pub store: Store,
    /// The documents.
    pub documents: Documents,
    /// Settings of the API.
    pub settings: Arc<Settings>,
    /// Settings of feedback.
    pub feedback_settings: Arc<feedback::Settings>,
    /// Wakes long polls and webhooks; fed by [`feedback::listen`].
    pub signal: Signal,
    /// Whether the outbox can take more; fed by [`crate::intake::watch_backlog`].
    pub backlog: Arc<Backlog>,
    /// What `GET /readyz` tells.
    pub health: Arc<Health>,
    /// What `GET /metrics` tells.
    pub metrics: Arc<Metrics>,
    /// The hub's own secret.
    pub secret: HubSecret,
    /// Work that goes on when a client hangs up; wait for it before the store is closed.
    pub tracker: TaskTracker,
    /// Cancelled when the hub stops, so that long polls end.
    pub stopping: CancellationToken,
    pub(crate) gate: Arc<Gate>,
}

impl App {
    /// Puts the parts together. Nothing runs yet: the supervisor starts [`feedback::listen`], [`feedback::webhook::run`]
    /// and [`crate::intake::watch_backlog`] beside [`super::serve`].
    #[must_use]
    pub fn new(
        store: Store,
        documents: Documents,
        settings: Settings,
        feedback_settings: feedback::Settings,
        secret: HubSecret,
        health: Arc<Health>,
    ) -> Self {
        Self {
            store,
            documents,
            gate: Arc::new(Gate::new(settings.rate_per_second, settings.rate_burst)),
            backlog: Arc::new(Backlog::new(settings.max_outbox)),
            settings: Arc::new(settings),
            feedback_settings: Arc::new(feedback_settings),
            signal: Signal::default(),
            health,
            metrics: Arc::default(),
            secret,
            tracker: TaskTracker::new(),
            stopping: CancellationToken::new(),
        }
    }

    /// Runs work to its end even if the client hangs up, so that no transaction is cut off halfway (A34).
    ///
    /// # Errors
    /// 503 when the work takes longer than a request may, or the hub failed in it; it may have been done.
    pub async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        use tracing::Instrument as _;
        let task = self.tracker.spawn(work.in_current_span());
        match tokio::time::timeout(self.settings.request_timeout(), task).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(panic)) if panic.is_panic() => std::panic::resume_unwind(panic.into_panic()),
            Ok(Err(_)) | Err(_) => {
                let detail = "the hub did not finish in time; the same request may be sent again safely";
                Err(Problem::new(codes::BUSY, detail))
            }
        }
    }
}
