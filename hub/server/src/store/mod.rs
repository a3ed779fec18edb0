//! PostgreSQL: the pool, the migrations and every statement.
//!
//! Statements live in `queries/<table>/<verb>.sql`, each beside one typed function that says what it locks. State
//! changes and what follows from them share one transaction, passed in as `&Transaction`. No counterpart is called while
//! rows are locked.

pub mod consultations;
pub mod contacts;
pub mod conversions;
mod dedicated;
pub mod demands;
pub mod disputes;
pub mod divisions;
pub mod documents;
pub mod events;
pub mod feedback;
pub mod feedback_queues;
pub mod forms;
pub mod issues;
pub mod ledger;
pub mod local_links;
pub mod local_receipts;
pub mod matters;
mod migrate;
pub mod outages;
pub mod outbox;
pub mod outcomes;
pub mod parked;
mod planned;
pub mod principals;
mod pulse;
pub mod received;
pub mod reminders;
pub mod reports;
pub mod requests;
pub mod requests_read;
pub mod undelivered;
pub mod units;
pub mod webhooks;
pub mod window;
pub mod withdrawals;

use std::{fmt, sync::Arc, time::Duration};

use deadpool_postgres::{Client, Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Timeouts};
use futures::future::try_join_all;
use serde::Deserialize;
use tokio_postgres::{Config, NoTls, error::SqlState};

pub use deadpool_postgres::Transaction;
pub use dedicated::{Dedicated, Sole, ring};
use dedicated::{tls, wants_tls};
pub use migrate::{Migration, MigrationError, applied, migrate, pending};
pub use pulse::{Pulse, SILENCE};

/// A connection URL; never shown, because it holds a password.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// Hides `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The URL with its password, for the one place that connects.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Scheme, host, port and path; no user, no password.
    pub fn public(&self) -> String {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", &self.0));
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        format!("{scheme}://{}", host.split('?').next().unwrap_or_default())
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.public())
    }
}

/// How the hub uses its database.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `postgres://user:password@host:port/database`; with `sslmode=require` the server's certificate is verified.
    pub url: SecretUrl,
    /// Connections of the API. The road of demands has up to eight beside them, the relay and the listeners one each.
    pub pool_size: usize,
    /// How long a caller waits for a free connection before the hub answers 503, in milliseconds.
    pub wait_timeout_ms: u64,
    /// How long one statement may take, in milliseconds.
    pub statement_timeout_ms: u64,
}

impl Settings {
    fn client_config(&self) -> Result<Config, StoreError> {
        let mut config: Config = self.url.expose().parse().map_err(StoreError::Url)?;
        // Both ends give up a line on which nothing comes back for 20 s. The server's end matters as much: the session of a
        // hub that lost its power holds the relay's lock, for two hours by the system's default.
        let options = format!("{} {SERVER_GIVES_UP}", config.get_options().unwrap_or_default());
        config
            .application_name("xiezhi-hub")
            .connect_timeout(Duration::from_millis(self.wait_timeout_ms))
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(2)
            .tcp_user_timeout(Duration::from_secs(20))
            .options(options.trim_start());
        Ok(config)
    }
}

/// Settings of every session, by which the server notices that the hub at the other end is gone.
const SERVER_GIVES_UP: &str = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=2 \
                               -c tcp_user_timeout=20000";

/// A pooled connection that was not handed out for so long is asked for a sign of life before it is.
const FRESH: Duration = Duration::from_secs(1);

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The settings do not name a database.
    #[error(
        "[HUB-5000] the database URL cannot be read; expected postgres://user:password@host:port/database"
    )]
    Url(#[source] tokio_postgres::Error),
    /// No connection, or none in time. Nothing was changed.
    #[error("[HUB-5001] no database connection; nothing was changed, the hub tries again by itself")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The connection broke during COMMIT: the outcome must be read back by key before anything is repeated.
    #[error("[HUB-5002] the connection broke during a commit; its outcome is read back by key")]
    UnknownOutcome(#[source] tokio_postgres::Error),
    /// A statement failed.
    #[error("[HUB-5003] a database statement failed (SQLSTATE {state})")]
    Statement {
        /// SQLSTATE.
        state: String,
        /// What PostgreSQL said; may name data, so it goes to no caller.
        #[source]
        source: tokio_postgres::Error,
    },
    /// A stored value is not what this build expects in its column.
    #[error("[HUB-5004] the value stored in {column} cannot be read by this build; compare `hub doctor`")]
    Decode {
        /// Table and column.
        column: &'static str,
        /// What is wrong with it; may name data, so it goes to no caller.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Value and statement do not fit each other: the value cannot be sent, or the result is not what the statement promises.
    /// The database is well, and the same call fails the same way again.
    #[error("[HUB-5006] a value does not fit its statement; the fault lies in the value or in this build")]
    Misfit(#[source] tokio_postgres::Error),
}

/// Turns a stored value that cannot be parsed into an error that names its column.
pub(crate) fn decode(
    column: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Decode { column, source: source.into() }
}

impl StoreError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Url(_) => "HUB-5000",
            Self::Unavailable(_) => "HUB-5001",
            Self::UnknownOutcome(_) => "HUB-5002",
            Self::Statement { .. } => "HUB-5003",
            Self::Decode { .. } => "HUB-5004",
            Self::Misfit(_) => "HUB-5006",
        }
    }

    /// Whether the same call may succeed later without anyone's help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Url(_) | Self::Decode { .. } | Self::Misfit(_) => false,
            Self::Unavailable(_) | Self::UnknownOutcome(_) => true,
            Self::Statement { state, .. } => {
                // 40: serialization and deadlock; 53: resources; 55P03: lock timeout; 57: shutdown or cancel.
                ["40", "53", "57"].iter().any(|class| state.starts_with(class)) || state == "55P03"
            }
        }
    }

    /// Whether the cause lies in a value that was to be written, so that what else was written with it may do without it
    /// (SQLSTATE 22: data exceptions, for instance a zero byte in a text).
    pub fn is_of_a_value(&self) -> bool {
        match self {
            Self::Misfit(_) => true,
            Self::Statement { state, .. } => state.starts_with("22"),
            _ => false,
        }
    }

    /// Whether a unique constraint of this name was violated.
    pub fn violates(&self, constraint: &str) -> bool {
        matches!(self, Self::Statement { source, .. }
            if source.as_db_error().is_some_and(|e| e.code() == &SqlState::UNIQUE_VIOLATION && e.constraint() == Some(constraint)))
    }

    /// The error of a COMMIT: a broken connection leaves the outcome unknown (SQLSTATE 08xxx and 40003 mean the same).
    pub fn of_commit(error: tokio_postgres::Error) -> Self {
        match error.code().map(SqlState::code) {
            Some(state) if !state.starts_with("08") && state != "40003" => Self::from(error),
            _ => Self::UnknownOutcome(error),
        }
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.code() {
            Some(state) => Self::Statement { state: state.code().to_owned(), source: error },
            None if misfits(&error) => Self::Misfit(error),
            None => Self::Unavailable(Box::new(error)),
        }
    }
}

/// Whether the client refused a value or a result by itself. It keeps the kind of its errors to itself; its words are held by a
/// test.
fn misfits(error: &tokio_postgres::Error) -> bool {
    const WORDS: [&str; 6] = [
        "error serializing parameter",
        "error deserializing column",
        "error encoding message to server",
        "invalid column `",
        "query returned an unexpected number of",
        "expected ",
    ];
    let text = error.to_string();
    WORDS.iter().any(|words| text.starts_with(words))
}

impl From<deadpool_postgres::PoolError> for StoreError {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

async fn bounded<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(StoreError::Unavailable(format!("the database said nothing for {limit:?}").into())),
    }
}

/// The database as the hub sees it: under the role `xiezhi_app`, which may add to the ledger but never alter it.
#[derive(Clone, Debug)]
pub struct Store {
    desk: Pool,
    road: Pool,
    config: Config,
    statement_timeout: Duration,
    wait_timeout: Duration,
    pulse: Arc<Pulse>,
}

/// Connections of the road: two that accept, and one each for receipts, results, returns, dead letters and decisions.
const ROAD: usize = 8;

impl Store {
    /// Prepares a pool; connects on first use, so that hub and database may start in any order.
    ///
    /// # Errors
    /// When the URL or the local trust store cannot be read.
    pub fn new(settings: &Settings) -> Result<Self, StoreError> {
        let config = settings.client_config()?;
        let desk = pool(&config, settings, settings.pool_size, "", &[]);
        // The road's statements are few, always the same and take lists: planned once they are planned well, and planning
        // them each time costs as much as running them.
        let road = pool(
            &config,
            settings,
            ROAD,
            "; SET plan_cache_mode = force_generic_plan; SET jit = off",
            planned::ROAD,
        );
        let statement_timeout = Duration::from_millis(settings.statement_timeout_ms);
        let wait_timeout = Duration::from_millis(settings.wait_timeout_ms);
        Ok(Self { desk, road, config, statement_timeout, wait_timeout, pulse: Arc::default() })
    }

    /// A connection for the API and everything that people ask for.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when none is free or none can be made in time.
    pub async fn client(&self) -> Result<Client, StoreError> {
        Ok(self.desk.get().await?)
    }

    /// A connection for the road of demands: acceptance, receipts, outcomes. They have their own, so that no crowd at the
    /// API keeps a receipt waiting.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when none is free or none can be made in time.
    pub async fn road(&self) -> Result<Client, StoreError> {
        Ok(self.road.get().await?)
    }

    /// A connection outside the pool, for LISTEN and session locks; the pool would drop notifications.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the server does not answer.
    pub async fn dedicated(&self) -> Result<Dedicated, StoreError> {
        bounded(self.wait_timeout, Dedicated::connect(&self.config)).await
    }

    /// Bounds work in the background to the time that so many statements may take. The server ends its statements itself;
    /// this is for a server, or a way to it, that is silent for good: then the work must end in an error and begin again
    /// on another connection.
    ///
    /// # Errors
    /// Those of the work, and [`StoreError::Unavailable`] when it was waited in vain; what was asked may have been done.
    pub async fn patiently<T>(
        &self,
        statements: u32,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        bounded(self.statement_timeout * statements, work).await
    }

    /// Whether the database gives signs of life; somebody must [`Store::watch`] it.
    pub fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Connections in use at the API, and how many it may have.
    pub fn usage(&self) -> (usize, usize) {
        let status = self.desk.status();
        (status.size.saturating_sub(status.available), status.max_size)
    }
}

fn pool(
    config: &Config,
    settings: &Settings,
    size: usize,
    more: &str,
    planned: &'static [&'static str],
) -> Pool {
    let fast = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = if wants_tls(config) {
        Manager::from_config(config.clone(), tls(), fast)
    } else {
        Manager::from_config(config.clone(), NoTls, fast)
    };
    let session = format!(
        "SET ROLE xiezhi_app; SET statement_timeout = {0}; SET lock_timeout = {0}; \
         SET idle_in_transaction_session_timeout = '30s'; SET timezone = 'UTC'{more}",
        settings.statement_timeout_ms
    );
    let wait = Duration::from_millis(settings.wait_timeout_ms);
    // Making a connection takes several questions, each as long as a statement: a slow server still gets new ones.
    let create = wait.max(Duration::from_millis(settings.statement_timeout_ms));
    Pool::builder(manager)
        .max_size(size)
        .runtime(deadpool_postgres::Runtime::Tokio1)
        .timeouts(Timeouts { wait: Some(wait), create: Some(create), recycle: Some(wait) })
        .pre_recycle(Hook::async_fn(move |client, metrics| {
            Box::pin(async move {
                // Under load no connection rests so long, and nothing is asked.
                if metrics.last_used() < FRESH {
                    return Ok(());
                }
                match tokio::time::timeout(wait, client.simple_query("")).await {
                    Ok(alive) => alive.map(drop).map_err(HookError::Backend),
                    Err(_) => Err(HookError::message("the connection gives no sign of life")),
                }
            })
        }))
        .post_create(Hook::async_fn(move |client, _| {
            let session = session.clone();
            Box::pin(async move {
                client.batch_execute(&session).await.map_err(HookError::Backend)?;
                // One round trip for all. A connection without its plans would work off in another order what is sent
                // together, and is not handed out.
                let plans = planned.iter().map(|statement| client.prepare_cached(statement));
                try_join_all(plans).await.map(drop).map_err(HookError::Backend)
            })
        }))
        .build()
        .expect("a runtime is named, which is all the builder can miss")
}
