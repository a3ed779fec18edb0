//! The runtime of a connector: keeps a connection to the broker, looks after every registry on it, and ends in order.
//!
//! A connector holds no state of its own. The queue has the demand until it is acknowledged, the local system and the
//! ledger know each request by its id, so the process may be killed at any point.

mod blame;
mod generation;
mod hands;
mod lanes;
mod registry;
mod verify;

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use self::registry::Registry;
use crate::{
    adapter::Adapter,
    backoff::Backoff,
    bus::{Link, chain},
    code::Code,
    config::Config,
    documents::Documents,
    health,
    hub::HubClient,
    status::Status,
};

/// The longest wait between two tries to connect: consuming must go on within 30 s of the broker's return.
const RECONNECT_MOST: Duration = Duration::from_secs(10);

/// A connection that held this long was a good one; the next try comes at once.
const GOOD: Duration = Duration::from_secs(30);

/// What lives longer than a connection.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) adapter: Arc<dyn Adapter>,
    pub(crate) hub: HubClient,
    pub(crate) documents: Arc<Documents>,
    pub(crate) status: Arc<Status>,
    pub(crate) registries: Vec<Arc<Registry>>,
}

/// Why a connector could not start. What happens later is repaired, not returned.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// HTTP client.
    #[error("[{}] the HTTP client could not be made; look at the system's certificates", Code::Setup)]
    Http(#[source] reqwest::Error),
    /// Status page.
    #[error(
        "[{}] the status page could not be opened at {address}; choose a free port as health.listen",
        Code::Setup
    )]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
}

/// Runs until `stop` is cancelled; then finishes what is in hand within the grace period and returns the rest to the queues. Each
/// `reload` lets the adapter read its mapping file again.
///
/// # Errors
/// When it cannot be set up. An unreachable broker, hub or local system is no error: it waits for them.
pub async fn run(
    config: Config,
    adapter: Arc<dyn Adapter>,
    stop: CancellationToken,
    reload: Arc<Notify>,
) -> Result<(), RunError> {
    let hub = HubClient::new(&config.hub).map_err(RunError::Http)?;
    let status = Arc::new(Status::new(&config.registries));
    // Dropped at the end, which ends the page.
    let mut pages = JoinSet::new();
    status.mapping_in_force(adapter.mapping());
    pages.spawn(reloads(Arc::clone(&adapter), Arc::clone(&status), reload));
    if let Some(address) = config.listen {
        let listener = health::bind(address).await.map_err(|source| RunError::Listen { address, source })?;
        pages.spawn(health::serve(listener, Arc::clone(&status)));
    }
    let registries = config.registries.iter().map(|code| Arc::new(Registry::new(code.clone(), &config.pace)));
    let shared = Arc::new(Shared {
        registries: registries.collect(),
        documents: Arc::new(Documents::new(hub.clone(), &config.documents)),
        hub,
        adapter,
        status,
        config,
    });
    tracing::info!(
        name = shared.config.name, province = %shared.config.province, adapter = shared.adapter.name(),
        registries = shared.registries.len(), version = env!("CARGO_PKG_VERSION"), "the connector starts"
    );
    keep_connected(&shared, &stop).await;
    tracing::info!("the connector has stopped");
    Ok(())
}

/// Lets the adapter read its mapping again whenever it is asked to; a refused file changes nothing but the status.
async fn reloads(adapter: Arc<dyn Adapter>, status: Arc<Status>, reload: Arc<Notify>) -> std::io::Result<()> {
    loop {
        reload.notified().await;
        match adapter.reload() {
            Ok(()) => {
                let mapping = adapter.mapping();
                let shown = mapping.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
                tracing::info!(mapping = shown, "the mapping was read again and is in force");
                status.mapping_in_force(mapping);
            }
            Err(error) => {
                let reason = chain(&error);
                tracing::error!(
                    code = %Code::MappingReload, error = reason,
                    "the mapping was not reloaded; the one before stays in force"
                );
                status.mapping_refused(format!("[{}] {reason}", Code::MappingReload));
            }
        }
    }
}

async fn keep_connected(shared: &Arc<Shared>, stop: &CancellationToken) {
    let mut waits = Backoff::new(Duration::from_millis(250), RECONNECT_MOST);
    loop {
        let connect = Link::connect(&shared.config.broker, &shared.config.name);
        let link = tokio::select! {
            () = stop.cancelled() => return,
            link = connect => link,
        };
        match link {
            Ok(link) => {
                tracing::info!(broker = shared.config.broker.host, "connected");
                let since = Instant::now();
                shared.status.connected(true);
                let end = generation::run(shared, Arc::new(link), stop).await;
                shared.status.connected(false);
                match end {
                    Ok(()) => return,
                    Err(error) => {
                        tracing::error!(code = %error.code(), error = chain(&error), "disconnected")
                    }
                }
                if since.elapsed() >= GOOD {
                    waits.reset();
                }
            }
            Err(error) => tracing::error!(code = %error.code(), error = chain(&error), "not connected"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(waits.wait()) => {}
        }
    }
}
