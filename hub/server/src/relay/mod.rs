//! The relay: publishes what the outbox holds.
//!
//! One relay works at a time: it holds a session lock on its own database connection and does all its reading and marking
//! on that same connection, so a relay that lost the lock can mark nothing. It is woken by a notification and by a period,
//! takes at most one row of each lane, publishes them as one batch, and marks a row only when its own message was
//! confirmed and did not come back. Whatever is unclear is sent again; the receiver knows a message by its id.

mod rounds;

use std::time::Duration;

use tokio::sync::Notify;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use crate::{
    bus::{BusError, Publisher},
    config::{BrokerSettings, RelaySettings},
    health::Part,
    keys::HubSecret,
    store::{Dedicated, Sole, Store, StoreError, outbox, ring},
};

/// Why the relay stopped. The rows stay; the supervisor starts it again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The broker broke off.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The connection that holds the lock is gone.
    #[error(
        "[HUB-5005] the relay lost its database session and with it the right to publish; another relay may go on"
    )]
    LockLost,
}

/// The relay's statements may take three times the usual, as a full outbox is long; beyond four its line is silent.
const STATEMENTS: u32 = 4;

/// Runs until cancelled or until something breaks.
///
/// # Errors
/// See [`Error`].
pub async fn run(
    broker: &BrokerSettings,
    store: &Store,
    settings: &RelaySettings,
    secret: &HubSecret,
    part: &Part,
    token: CancellationToken,
) -> Result<(), Error> {
    let Dedicated { client, messages } = store.dedicated().await?;
    let wake = Notify::new();
    tokio::select! {
        () = ring(messages, &wake) => Err(Error::LockLost),
        () = token.cancelled() => Ok(()),
        done = work(store, &client, broker, settings, secret, part, &wake) => done,
    }
}

async fn work(
    store: &Store,
    client: &Client,
    broker: &BrokerSettings,
    settings: &RelaySettings,
    secret: &HubSecret,
    part: &Part,
    wake: &Notify,
) -> Result<(), Error> {
    let period = Duration::from_millis(settings.period_ms);
    client
        .batch_execute("SET ROLE xiezhi_app; SET statement_timeout = '30s'; SET plan_cache_mode = force_generic_plan; SET jit = off")
        .await
        .map_err(StoreError::from)?;
    let standing_by = || {
        tracing::info!("another relay is at work; standing by");
        part.up();
    };
    Sole::RELAY.wait(client, period, standing_by).await?;
    client.batch_execute(&format!("LISTEN {}", outbox::CHANNEL)).await.map_err(StoreError::from)?;
    let confirm_timeout = Duration::from_millis(broker.publish_timeout_ms);
    let mut publisher = Publisher::open(&broker.url, "relay", confirm_timeout).await?;
    tracing::info!("publishing");
    part.up();
    let mut rounds = rounds::Rounds::new(store, client, settings.batch_size, secret);
    loop {
        let published;
        (publisher, published) = rounds.one(publisher).await?;
        if published == 0 {
            tokio::select! {
                () = wake.notified() => {}
                () = tokio::time::sleep(period) => {}
            }
            if !publisher.is_open() {
                // Noticed while idle, so that the first demand after a quiet night does not find it out.
                publisher = Publisher::open(&broker.url, "relay", confirm_timeout).await?;
            }
        }
    }
}
