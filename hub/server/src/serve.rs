//! `hub serve`: puts the rooms together.
//!
//! Parts may start in any order: broker and database are looked for again and again, and readiness says what is missing.
//! Only what no waiting can mend stops the start: settings, keys, a schema that does not fit, a ledger that is not the one
//! that was witnessed.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures::StreamExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use xiezhi_domain::timers::Timers;
use xiezhi_schemas::address::Upward;

use crate::{
    calendar::{self, CalendarError},
    channels::{Desk, local},
    config::Config,
    documents::{self, Documents, DocumentsError},
    feedback::{self, webhook::Webhooks},
    forms::{self, DeskError},
    health::{Health, Part},
    http::{
        self, App,
        tls::{self, Tls, TlsError},
    },
    intake,
    keys::{HubSecret, KeyError},
    ledger::{
        self,
        heads::{self, HeadError, HeadSigner},
        trusted::TrustedClock,
    },
    outcomes,
    register::{self, WaitingRules},
    relay, reminders,
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
    /// The document store.
    #[error(transparent)]
    Documents(#[from] DocumentsError),
    /// The working days.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// The rule of waiting seizures.
    #[error("[HUB-1014] [waiting]: {0}")]
    Waiting(String),
    /// The wording of the forms cannot be used.
    #[error(transparent)]
    Forms(#[from] DeskError),
    /// The certificate of the API.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The port.
    #[error("[HUB-1024] the API cannot listen on {address}; is another hub running there?")]
    Port {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
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
            Self::Documents(error) => error.code(),
            Self::Calendar(error) => error.code(),
            Self::Waiting(_) => "HUB-1014",
            Self::Forms(error) => error.code(),
            Self::Tls(error) => error.code(),
            Self::Port { .. } => "HUB-1024",
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
            let (hub, listener) = hub;
            spawn(&hub, listener, &supervisor);
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
struct Hub {
    config: Config,
    store: Store,
    secret: HubSecret,
    signer: HeadSigner,
    documents: Documents,
    tls: Option<Arc<Tls>>,
    timers: Arc<Timers>,
    rules: WaitingRules,
    /// Holds the ledger's clock, which all channels share.
    desk: Desk,
    forms: Arc<forms::Desk>,
}

/// Checks everything that must be right before a port opens; waits for a database that is not there yet.
///
/// # Errors
/// See [`StartError`].
async fn prepare(
    config: Config,
    token: &CancellationToken,
) -> Result<Option<(Arc<Hub>, TcpListener)>, StartError> {
    let secret = HubSecret::load(&config.secret.hub_secret_file)?;
    let signer = HeadSigner::read(&config.ledger.signing_key_file)?;
    let documents = Documents::open(&config.documents)?;
    let rules = WaitingRules::read(&config.waiting).map_err(|error| StartError::Waiting(error.expected))?;
    let timers = Arc::new(Timers::new(calendar::load(&config.calendar)?, config.deadlines.targets()));
    let forms = Arc::new(forms::Desk::open(&config.forms)?);
    let tls = Tls::load(&config.http)?.map(Arc::new);
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
    let address = config.http.listen;
    let listener = TcpListener::bind(address).await.map_err(|source| StartError::Port { address, source })?;
    tracing::info!(%address, tls = tls.is_some(), "listening");
    let clock = Arc::new(TrustedClock::new(Duration::from_millis(config.ledger.clock_bound_ms)));
    let desk = Desk { clock, rules: config.channels.clone(), waiting: rules.clone(), timers: timers.clone() };
    let hub = Hub { config, store, secret, signer, documents, tls, timers, rules, desk, forms };
    Ok(Some((Arc::new(hub), listener)))
}

/// Longest pause of a task that keeps failing: the bound within which the hub is back at work after a repair.
const MAX_BACKOFF: Duration = Duration::from_secs(5);

const fn task(name: &'static str, stage: Stage) -> TaskKind {
    TaskKind { name, on_error: OnError::Restart { max_backoff: MAX_BACKOFF }, stage }
}

/// Parts that must work before the hub calls itself ready.
const PARTS: [&str; 7] =
    ["database", "relay", "receipts", "results", "returns", "local receipts", "undelivered"];

/// Starts all tasks.
fn spawn(hub: &Arc<Hub>, listener: TcpListener, supervisor: &Supervisor) {
    let health = Arc::new(Health::expecting(&PARTS));
    macro_rules! start {
        ($name:literal, $stage:ident, |$it:ident, $part:ident, $token:ident| $run:expr) => {{
            let (hub, part) = (hub.clone(), health.part($name));
            supervisor.spawn(task($name, Stage::$stage), move |$token| {
                let ($it, own) = (hub.clone(), part.clone());
                async move {
                    let $part = &own;
                    let done = $run.await;
                    if let Err(error) = &done {
                        $part.down(error.to_string());
                    }
                    Ok(done?)
                }
            });
        }};
    }
    start!("relay", Relay, |hub, part, token| {
        relay::run(&hub.config.broker, &hub.store, &hub.config.relay, &hub.secret, part, token)
    });
    start!("receipts", Consumers, |hub, part, token| {
        let (broker, ledger) = (&hub.config.broker.url, &hub.config.ledger);
        ledger::run(broker, &hub.store, ledger, &hub.desk.clock, &hub.rules, part, token)
    });
    start!("results", Consumers, |hub, part, token| {
        let broker = &hub.config.broker.url;
        outcomes::run(broker, &hub.store, &hub.rules, &hub.timers, Upward::Result, part, token)
    });
    start!("returns", Consumers, |hub, part, token| {
        let broker = &hub.config.broker.url;
        outcomes::run(broker, &hub.store, &hub.rules, &hub.timers, Upward::Return, part, token)
    });
    start!("local receipts", Consumers, |hub, part, token| {
        local::run(&hub.config.broker.url, &hub.store, &hub.desk, part, token)
    });
    start!("undelivered", Consumers, |hub, part, token| {
        undelivered::record_all(&hub.config.broker.url, &hub.store, part, token)
    });
    start!("decisions", Relay, |hub, part, token| undelivered::decide::run(&hub.store, part, token));
    start!("dead-letter release", Relay, |hub, part, token| {
        undelivered::release::run(&hub.config.broker.url, &hub.store, part, token)
    });
    start!("lapses", Stores, |hub, part, token| {
        let bound = Duration::from_millis(hub.config.ledger.clock_bound_ms);
        register::run(&hub.store, bound, part, token)
    });
    start!("ledger heads", Stores, |hub, part, token| {
        heads::run(&hub.store, &hub.signer, hub.config.ledger.witness(), part, token)
    });
    start!("database", Stores, |hub, part, token| watch_database(&hub.store, part, token));
    spawn_api(hub, listener, health, supervisor);
}

/// The API and what works for it.
fn spawn_api(hub: &Arc<Hub>, listener: TcpListener, health: Arc<Health>, supervisor: &Supervisor) {
    let config = &hub.config;
    let mut app = App::new(
        hub.store.clone(),
        hub.documents.clone(),
        config.http.clone(),
        config.feedback.clone(),
        hub.desk.clone(),
        hub.secret.clone(),
        health,
    );
    app.forms = hub.forms.clone();
    app.stopping = supervisor.token(Stage::Intake);
    let webhooks = Webhooks {
        store: hub.store.clone(),
        secret: hub.secret.clone(),
        settings: config.feedback.clone(),
        signal: app.signal.clone(),
        metrics: app.metrics.clone(),
        targets: app.targets.clone(),
    };
    supervisor.spawn(task("webhooks", Stage::Relay), move |token| {
        let webhooks = webhooks.clone();
        async move { Ok(feedback::webhook::run(webhooks, token).await?) }
    });
    let (own, metrics) = (hub.clone(), app.metrics.clone());
    supervisor.spawn(task("feedback queues", Stage::Relay), move |token| {
        let (hub, metrics) = (own.clone(), metrics.clone());
        async move { Ok(feedback::queue::run(&hub.config.broker, &hub.store, &metrics, token).await?) }
    });
    let (store, signal) = (hub.store.clone(), app.signal.clone());
    supervisor.spawn(task("feedback bell", Stage::Stores), move |token| {
        let (store, signal) = (store.clone(), signal.clone());
        async move { Ok(feedback::listen(store, signal, token).await?) }
    });
    let (watcher, metrics) = (hub.clone(), app.metrics.clone());
    supervisor.spawn(task("calendar watch", Stage::Stores), move |token| {
        let (hub, metrics) = (watcher.clone(), metrics.clone());
        async move {
            let calendar = hub.timers.calendar();
            Ok(calendar::watch(&hub.store, calendar, &hub.config.calendar, &metrics, token).await?)
        }
    });
    let (reminding, metrics) = (hub.clone(), app.metrics.clone());
    supervisor.spawn(task("reminders", Stage::Relay), move |token| {
        let (hub, metrics) = (reminding.clone(), metrics.clone());
        async move {
            let period = Duration::from_secs(hub.config.deadlines.period_secs);
            Ok(reminders::run(&hub.store, &hub.timers, period, &metrics, token).await?)
        }
    });
    let watched = app.clone();
    supervisor.spawn(task("outbox watch", Stage::Stores), move |token| {
        let app = watched.clone();
        async move { Ok(intake::watch_backlog(app, token).await?) }
    });
    let (stored, longest) = (app.documents.clone(), app.longest_upload());
    supervisor.spawn(task("document sweep", Stage::Stores), move |token| {
        let documents = stored.clone();
        async move { Ok(documents::sweep::run(documents, longest, token).await?) }
    });
    let refusing = app.clone();
    supervisor.spawn(task("refusals", Stage::Stores), move |token| {
        let app = refusing.clone();
        async move { Ok(http::refusals::run(app, token).await?) }
    });
    // Work whose client hung up is finished before the pool goes.
    let tracker = app.tracker.clone();
    supervisor.spawn(task("api work", Stage::Stores), move |token| {
        let tracker = tracker.clone();
        async move {
            token.cancelled().await;
            tracker.close();
            tracker.wait().await;
            Ok(())
        }
    });
    if let Some(tls) = hub.tls.clone() {
        supervisor.spawn(task("certificates", Stage::Stores), move |token| {
            let tls = tls.clone();
            async move {
                tls::watch(tls, token).await;
                Ok(())
            }
        });
    }
    let mut listener = Some(listener);
    let tls = hub.tls.clone();
    let most = config.http.max_connections;
    let api = TaskKind { name: "api", on_error: OnError::StopHub, stage: Stage::Intake };
    supervisor.spawn(api, move |token| {
        let (listener, router, tls) = (listener.take(), http::router(app.clone()), tls.clone());
        async move {
            let listener = listener.expect("the hub stops when the API fails, so it is started once");
            Ok(http::serve(listener, router, most, tls, token).await?)
        }
    });
}

async fn watch_database(store: &Store, part: &Part, token: CancellationToken) -> Result<(), StoreError> {
    tokio::select! {
        () = token.cancelled() => Ok(()),
        silent = store.watch(|| part.up()) => match silent? {},
    }
}
