//! Hears from the database which streams grew, whichever hub wrote the events.

use futures::StreamExt;
use tokio_postgres::AsyncMessage;
use tokio_util::sync::CancellationToken;

use super::Signal;
use crate::store::{Dedicated, Store, StoreError, feedback::CHANNEL};

/// Why listening ended.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// No connection, or LISTEN was refused.
    #[error(
        "[HUB-1502] feedback cannot be listened for; long polls look by themselves every few seconds meanwhile"
    )]
    Store(#[from] StoreError),
    /// The connection ended.
    #[error("[HUB-1502] the connection that listens for feedback was lost; it is made again")]
    Lost(#[source] Option<tokio_postgres::Error>),
}

/// Rings `signal` for every notification until `stop` is cancelled. Start it again when it fails.
///
/// # Errors
/// When the connection cannot be made or is lost.
pub async fn listen(store: Store, signal: Signal, stop: CancellationToken) -> Result<(), ListenError> {
    let Dedicated { client, mut messages } = store.dedicated().await?;
    let statement = format!("LISTEN {CHANNEL}");
    let listening = client.batch_execute(&statement);
    tokio::pin!(listening);
    let mut ready = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            done = &mut listening, if !ready => {
                done.map_err(StoreError::from)?;
                ready = true;
                // What came before we listened rang no bell.
                signal.ring_all();
            }
            message = messages.next() => match message {
                Some(Ok(AsyncMessage::Notification(notification))) => signal.ring(notification.payload()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(ListenError::Lost(Some(error))),
                None => return Err(ListenError::Lost(None)),
            },
        }
    }
}
