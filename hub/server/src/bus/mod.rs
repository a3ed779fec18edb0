//! RabbitMQ: the only place in the hub that names lapin.
//!
//! A connection, its channels and its consumers live and die together; there is no recovery inside the client, because a
//! recovered channel would answer for messages of the old one. Whoever holds a broken [`Publisher`] or [`Consumer`]
//! drops it and opens a new one; the outbox and unacknowledged deliveries make that safe. Publishers and consumers never
//! share a connection: a resource alarm blocks connections that publish, and acknowledgements must still flow.

mod consumer;
mod patience;
mod publisher;

use std::time::Duration;

use lapin::{Connection, ConnectionProperties, options::BasicQosOptions};
use tokio::time::timeout;

pub use consumer::{Consumer, Incoming, Replier, sweep};
pub use patience::Patience;
pub use publisher::{Outgoing, Publisher, Settled};

use crate::store::SecretUrl;

/// How long connecting, opening a channel or subscribing may take.
const SETUP_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the broker did not do what was asked. Every case is transient: the caller drops what it holds and opens anew.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// No connection.
    #[error(
        "[HUB-2001] the broker at {broker} is unreachable; nothing is lost, the hub tries again by itself"
    )]
    Unreachable {
        /// Host and port, without credentials.
        broker: String,
        /// Why.
        #[source]
        source: lapin::Error,
    },
    /// No answer in time.
    #[error(
        "[HUB-2002] the broker did not answer within {seconds} s ({what}); what was under way counts as unsent"
    )]
    Silent {
        /// What was asked.
        what: &'static str,
        /// How long it was waited.
        seconds: u64,
    },
    /// The broker refused or broke the channel.
    #[error("[HUB-2003] the broker broke off ({what})")]
    Broken {
        /// What was under way.
        what: &'static str,
        /// Why.
        #[source]
        source: lapin::Error,
    },
    /// A consumer was ended by the broker, for instance because its queue was deleted.
    #[error("[HUB-2004] the broker ended the consumer of queue {queue}; compare `hub topology diff`")]
    Cancelled {
        /// The queue.
        queue: String,
    },
}

impl BusError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "HUB-2001",
            Self::Silent { .. } => "HUB-2002",
            Self::Broken { .. } => "HUB-2003",
            Self::Cancelled { .. } => "HUB-2004",
        }
    }
}

/// Maps an error of the client to one that says what was under way.
fn broken(what: &'static str) -> impl FnOnce(lapin::Error) -> BusError {
    move |source| BusError::Broken { what, source }
}

/// Bounds a broker call in time: under a resource alarm or without a quorum the broker simply does not answer.
async fn bounded<T>(
    what: &'static str,
    limit: Duration,
    call: impl Future<Output = Result<T, lapin::Error>>,
) -> Result<T, BusError> {
    match timeout(limit, call).await {
        Ok(done) => done.map_err(broken(what)),
        Err(_) => Err(BusError::Silent { what, seconds: limit.as_secs() }),
    }
}

/// Opens a connection that shows up under `name` in the broker's lists.
async fn connect(url: &SecretUrl, name: &str) -> Result<Connection, BusError> {
    let mut target = url.expose().to_owned();
    // Two missed heartbeats of 10 s end a dead line; the broker's default would take two minutes. The client keeps buffers
    // of many frames for each of some twenty connections: small frames save the hub a hundred megabytes, and a demand
    // still fits into one.
    for (name, value) in [("heartbeat=", "10"), ("frame_max=", "16384")] {
        if !target.contains(name) {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(name);
            target.push_str(value);
        }
    }
    let properties =
        ConnectionProperties::default().with_connection_name(format!("xiezhi-hub {name}").into());
    match timeout(SETUP_TIMEOUT, Connection::connect(&target, properties)).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(source)) => Err(BusError::Unreachable { broker: url.public(), source }),
        Err(_) => Err(BusError::Silent { what: "connect", seconds: SETUP_TIMEOUT.as_secs() }),
    }
}

/// A channel with a prefetch.
async fn channel(connection: &Connection, prefetch: u16) -> Result<lapin::Channel, BusError> {
    let channel = bounded("open a channel", SETUP_TIMEOUT, connection.create_channel()).await?;
    if prefetch > 0 {
        bounded("set the prefetch", SETUP_TIMEOUT, channel.basic_qos(prefetch, BasicQosOptions::default()))
            .await?;
    }
    Ok(channel)
}

/// Whether the broker lets the hub log in.
///
/// # Errors
/// Why not.
pub async fn probe(url: &SecretUrl) -> Result<(), BusError> {
    let connection = connect(url, "probe").await?;
    bounded("close", SETUP_TIMEOUT, connection.close(200, "probe done".into())).await
}
