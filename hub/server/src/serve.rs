//! `hub serve`: puts the rooms together.
//!
//! Parts may start in any order: broker and database are looked for again and again, and readiness says what is missing.
//! Only what no waiting can mend stops the start: settings, keys, a schema that does not fit, a ledger that is not the one
//! that was witnessed.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use tokio_util::sync::CancellationToken;
use xiezhi_schemas::address::Upward;

use crate::{
    config::Config,
    keys::{HubSecret, KeyError},
    ledger::{
        self,
        heads::{self, HeadError, HeadSigner},
    },
    outcomes, relay,
    store::{MigrationError, Store, StoreError},
    supervisor::{ExitReason, OnError, Stage, Supervisor, TaskKind, signals},
    telemetry::{self, TelemetryError},
    undelivered,
};

/// Why the hub does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The hub's secret.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database's URL.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database's schema.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// The schema is older than this build.
    #[error("[HUB-5014] the database lacks {0} migrations; run `hub migrate`")]
    Pending(usize),
    /// The ledger.
    #[error(transparent)]
    Head(#[from] HeadError),
}

impl StartError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Key(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Migration(error) => error.code(),
            Self::Pending(_) => "HUB-5014",
            Self::Head(error) => error.code(),
        }
    }
}

/// Why `hub serve` ended without having run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Logs and traces.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// Something that must be right was not.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The system refuses signal handlers.
    #[error("[HUB-1023] the system gives no signal handlers; the hub could not be stopped in order")]
    Signals(#[source] std::io::Error),
}

/// Runs the hub until it is told to stop or cannot go on.
///
/// # Errors
/// When it could not start; then no port was opened.
pub async fn run(config: Config) -> Result<ExitReason, ServeError> {
    let telemetry = telemetry::init(&config.telemetry)?;
    let mut signals = signals().map_err(ServeError::Signals)?;
    let supervisor = Supervisor::new(Duration::from_secs(config.shutdown.grace_secs));
    let token = CancellationToken::new();
    let prepared = tokio::select! {
        prepared = prepare(config, &token) => prepared,
        Some(()) = signals.next() => Ok(None),
    };
    let reason = match prepared {
        Ok(Some(hub)) => {
            spawn(&hub, &supervisor);
            tracing::info!(version = env!("CARGO_PKG_VERSION"), "the hub runs");
            supervisor.run_until(signals).await
        }
        Ok(None) => ExitReason::Signalled { late: Vec::new() },
        Err(error) => {
            telemetry.shutdown().await;
            return Err(error.into());
        }
    };
    tracing::info!(?reason, "the hub stopped");
    if reason != ExitReason::Forced {
        telemetry.shutdown().await;
    }
    Ok(reason)
}

/// What the tasks share.
pub struct Hub {
    /// Settings.
    pub config: Config,
    /// Database.
    pub store: Store,
    /// The hub's secret.
    pub secret: HubSecret,
    /// Signs heads.
    pub signer: HeadSigner,
}

/// Checks everything that must be right before a port opens; waits for a database that is not there yet.
///
/// # Errors
/// See [`StartError`].
pub async fn prepare(config: Config, token: &CancellationToken) -> Result<Option<Arc<Hub>>, StartError> {
    let secret = HubSecret::load(&config.secret.hub_secret_file)?;
    let signer = HeadSigner::read(&config.ledger.signing_key_file)?;
    let store = Store::new(&config.database)?;
    let mut told = false;
    let client = loop {
        match store.client().await {
            Ok(client) => break client,
            Err(error) if !std::mem::replace(&mut told, true) => {
                tracing::warn!(code = error.code(), "{error}; waiting for the database");
            }
            Err(_) => {}
        }
        tokio::select! {
            () = token.cancelled() => return Ok(None),
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
    };
    let pending = crate::store::pending(&client).await?;
    if !pending.is_empty() {
        return Err(StartError::Pending(pending.len()));
    }
    drop(client);
    let compared = heads::compare(&store, config.ledger.witness()).await?;
    tracing::info!(heads = compared, "the ledger holds every witnessed head");
    Ok(Some(Arc::new(Hub { config, store, secret, signer })))
}

/// Longest pause of a task that keeps failing: the bound within which the hub is back at work after a repair.
const MAX_BACKOFF: Duration = Duration::from_secs(5);

const fn task(name: &'static str, stage: Stage) -> TaskKind {
    TaskKind { name, on_error: OnError::Restart { max_backoff: MAX_BACKOFF }, stage }
}

/// Starts everything but the API.
pub fn spawn(hub: &Arc<Hub>, supervisor: &Supervisor) {
    macro_rules! start {
        ($name:literal, $stage:ident, |$it:ident, $token:ident| $run:expr) => {{
            let hub = hub.clone();
            supervisor.spawn(task($name, Stage::$stage), move |$token| {
                let $it = hub.clone();
                async move { Ok($run.await?) }
            });
        }};
    }
    start!("relay", Relay, |hub, token| relay::run(
        &hub.config.broker,
        &hub.store,
        &hub.config.relay,
        &hub.secret,
        token
    ));
    start!("receipts", Consumers, |hub, token| ledger::run(
        &hub.config.broker.url,
        &hub.store,
        &hub.config.ledger,
        token
    ));
    start!("results", Consumers, |hub, token| outcomes::run(
        &hub.config.broker.url,
        &hub.store,
        Upward::Result,
        token
    ));
    start!("returns", Consumers, |hub, token| outcomes::run(
        &hub.config.broker.url,
        &hub.store,
        Upward::Return,
        token
    ));
    start!("undelivered", Consumers, |hub, token| undelivered::record_all(
        &hub.config.broker.url,
        &hub.store,
        token
    ));
    start!("decisions", Relay, |hub, token| undelivered::decide::run(&hub.store, token));
    start!("dead-letter release", Relay, |hub, token| undelivered::release::run(
        &hub.config.broker.url,
        &hub.store,
        token
    ));
    start!("ledger heads", Stores, |hub, token| heads::run(
        &hub.store,
        &hub.signer,
        hub.config.ledger.witness(),
        token
    ));
}
