//! What handlers work with.

use std::{future::Future, sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

use super::{auth::Gate, codes, metrics::Metrics, problem::Problem, refusals::Refusals};
use crate::{
    config::{FeedbackSettings, HttpSettings},
    documents::Documents,
    feedback::{Signal, targets::Targets},
    health::Health,
    intake::{Acceptor, Backlog},
    keys::HubSecret,
    store::Store,
};

/// A court learns within five seconds whether a demand is stored (V04), the way to it included.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(4);

/// Everything handlers need; cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// The database.
    pub store: Store,
    /// The documents.
    pub documents: Documents,
    /// Settings of the API.
    pub settings: Arc<HttpSettings>,
    /// Settings of feedback.
    pub feedback_settings: Arc<FeedbackSettings>,
    /// Where webhooks may go.
    pub targets: Targets,
    /// Wakes long polls and webhooks; fed by [`crate::feedback::listen`].
    pub signal: Signal,
    /// Whether the outbox can take more; fed by [`crate::intake::watch_backlog`].
    pub backlog: Arc<Backlog>,
    /// What `GET /readyz` tells.
    pub health: Arc<Health>,
    /// What `GET /metrics` tells.
    pub metrics: Arc<Metrics>,
    /// Whom access was refused; written down by [`super::refusals::run`].
    pub refusals: Arc<Refusals>,
    /// The hub's own secret.
    pub secret: HubSecret,
    /// Work that goes on when a client hangs up; wait for it before the store is closed.
    pub tracker: TaskTracker,
    /// Cancelled when the hub stops, so that long polls end.
    pub stopping: CancellationToken,
    pub(crate) gate: Arc<Gate>,
    pub(crate) acceptor: Arc<Acceptor>,
}

impl App {
    /// Puts the parts together. Nothing runs yet: the supervisor starts [`crate::feedback::listen`],
    /// [`crate::feedback::webhook::run`], [`super::refusals::run`]
    /// and [`crate::intake::watch_backlog`] beside [`super::serve`].
    #[must_use]
    pub fn new(
        store: Store,
        documents: Documents,
        settings: HttpSettings,
        feedback_settings: FeedbackSettings,
        secret: HubSecret,
        health: Arc<Health>,
    ) -> Self {
        Self {
            store,
            documents,
            gate: Arc::new(Gate::new(settings.rate_per_second, settings.rate_burst)),
            backlog: Arc::new(Backlog::new(settings.max_unconfirmed)),
            settings: Arc::new(settings),
            acceptor: Arc::default(),
            targets: Targets::new(&feedback_settings),
            feedback_settings: Arc::new(feedback_settings),
            signal: Signal::default(),
            health,
            metrics: Arc::default(),
            refusals: Arc::default(),
            secret,
            tracker: TaskTracker::new(),
            stopping: CancellationToken::new(),
        }
    }

    /// How long a request may take.
    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.settings.request_timeout_ms)
    }

    /// How long taking in a document may take.
    pub(crate) fn upload_timeout(&self) -> Duration {
        self.request_timeout() * 10
    }

    /// How long a request that takes in documents may take; after that none of them is alive.
    pub fn longest_upload(&self) -> Duration {
        self.upload_timeout() + self.request_timeout()
    }

    /// [`App::finish`] for demands: courts are answered within four seconds, because a demand that waits in a hub which
    /// cannot store it is lost time for a creditor (V04).
    ///
    /// # Errors
    /// As for [`App::finish`].
    pub async fn finish_soon<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        self.finish_in(ANSWER_WITHIN.min(self.request_timeout()), work).await
    }

    /// Runs work to its end even if the client hangs up, so that no transaction is cut off halfway (A34).
    ///
    /// # Errors
    /// 503 when the work takes longer than a request may, or the hub failed in it; it may have been done.
    pub async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        self.finish_in(self.request_timeout(), work).await
    }

    async fn finish_in<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        let task = self.tracker.spawn(work.in_current_span());
        match tokio::time::timeout(limit, task).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(panic)) if panic.is_panic() => std::panic::resume_unwind(panic.into_panic()),
            Ok(Err(_)) | Err(_) => {
                let detail = "the hub did not finish in time; the same request may be sent again safely";
                Err(Problem::new(codes::BUSY, detail))
            }
        }
    }
}
