//! Takes messages whose dead letters are decided out of the dead-letter queues.
//!
//! The decision is in the database first; only then may the held message go. A crash between leaves a message that the
//! next sweep removes.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use xiezhi_schemas::message::header;

use crate::{
    bus,
    health::Part,
    store::{SecretUrl, Store, undelivered as table},
    upward::Error,
};

/// How often decided messages are looked for. A sweep goes through a whole queue, so decisions are gathered for a while.
const PERIOD: Duration = Duration::from_secs(1);

/// Sweeps until cancelled.
///
/// # Errors
/// When broker or database break off.
pub async fn run(
    broker: &SecretUrl,
    store: &Store,
    part: &Part,
    token: CancellationToken,
) -> Result<(), Error> {
    loop {
        tokio::select! {
            () = token.cancelled() => return Ok(()),
            () = tokio::time::sleep(PERIOD) => {}
        }
        sweep(broker, store).await?;
        part.up();
    }
}

/// One sweep over all queues that hold decided messages; gives the number of messages taken out.
///
/// # Errors
/// When broker or database break off.
pub async fn sweep(broker: &SecretUrl, store: &Store) -> Result<usize, Error> {
    let client = store.client().await?;
    let mut queues: BTreeMap<String, HashMap<(Uuid, i64), i64>> = BTreeMap::new();
    for due in table::unreleased(&client).await? {
        let key = (due.message_id, i64::from(due.attempt));
        queues.entry(due.queue).or_default().insert(key, due.dead_id);
    }
    let mut total = 0;
    for (queue, due) in queues {
        total += bus::sweep(broker, &queue, |message| {
            let id = message.message_id().and_then(|id| id.parse::<Uuid>().ok());
            let attempt = message.number_header(header::ATTEMPT);
            id.zip(attempt).is_some_and(|key| due.contains_key(&key))
        })
        .await?;
        // Messages that were not there are gone with an emptied broker or were taken out by a sweep that crashed.
        let released: Vec<i64> = due.into_values().collect();
        table::release(&client, &released).await?;
        tracing::info!(queue, released = released.len(), "decided messages left the dead-letter queue");
    }
    Ok(total)
}
