//! What handlers work with.

use std::{future::Future, sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

use super::{auth::Gate, codes, metrics::Metrics, problem::Problem, refusals::Refusals};
use crate::{
    channels::Desk,
    config::{FeedbackSettings, HttpSettings},
    documents::Documents,
    feedback::{Signal, targets::Targets},
    forms,
    health::Health,
    intake::{Acceptor, Backlog},
    keys::HubSecret,
    store::Store,
};

/// A court learns within five seconds whether a demand is stored (V04), the way to it and a busy machine included.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_millis(3_500);

/// Longest work of one request, in statements: whoever asked for it was answered long before. The bound is there because what
/// waits on a silent line for ever keeps its connection, and the hub from ending.
const STATEMENTS: u32 = 12;

/// What was asked for is under way and nobody knows how it ends.
pub(super) fn unknown() -> Problem {
    let detail = "the hub did not finish in time, and it is not known whether this was done; look before it is sent again";
    Problem::new(codes::UNKNOWN_OUTCOME, detail)
}

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
    /// The window and the local links. Shared, because this struct is cloned for every request and a calendar is large.
    pub desk: Arc<Desk>,
    /// Wording and fonts of the forms.
    pub forms: Arc<forms::Desk>,
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
        desk: Desk,
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
            desk: Arc::new(desk),
            forms: Arc::default(),
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

    /// [`App::finish`] for demands: courts are answered within `ANSWER_WITHIN`, of which they `waited` at the gate already,
    /// because a demand that waits in a hub which cannot store it is lost time for a creditor (V04).
    ///
    /// # Errors
    /// As for [`App::finish`]; a demand may be sent again whatever became of it.
    pub async fn finish_soon<T: Send + 'static>(
        &self,
        waited: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        let limit = ANSWER_WITHIN.min(self.request_timeout()).saturating_sub(waited);
        let detail = "the hub did not finish in time; the same request may be sent again safely";
        self.finish_in(limit, || Problem::new(codes::BUSY, detail), Box::pin(work)).await
    }

    /// Runs work to its end even if the client hangs up, so that no transaction is cut off halfway (A34).
    ///
    /// # Errors
    /// 503 when the work takes longer than a request may, or the hub failed in it; it may have been done.
    pub async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        self.finish_in(self.request_timeout(), unknown, Box::pin(work)).await
    }

    async fn finish_in<T: Send + 'static>(
        &self,
        limit: Duration,
        late: impl FnOnce() -> Problem,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        let store = self.store.clone();
        let task = self.tracker.spawn(
            async move { store.patiently(STATEMENTS, async { Ok(work.await) }).await }.in_current_span(),
        );
        match tokio::time::timeout(limit, task).await {
            Ok(Ok(done)) => Ok(done?),
            Ok(Err(panic)) if panic.is_panic() => std::panic::resume_unwind(panic.into_panic()),
            Ok(Err(_)) | Err(_) => Err(late()),
        }
    }
}
