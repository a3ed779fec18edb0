//! Takes results and returns from the broker.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use xiezhi_schemas::{
    address::Upward,
    message::{Answers, OutcomeMessage},
};

use super::record;
use crate::{
    store::{SecretUrl, Store, StoreError},
    upward::{self, Origin, Unreadable},
};

/// Outcomes recorded in one transaction at the most.
const BATCH: usize = 64;

/// How long a transaction waits for more.
const LINGER: Duration = Duration::from_millis(2);

/// Consumes `what`, which is results or returns, until cancelled.
///
/// # Errors
/// When broker or database break off; whatever was not answered comes again.
pub async fn run(
    broker: &SecretUrl,
    store: &Store,
    what: Upward,
    token: CancellationToken,
) -> Result<(), upward::Error> {
    upward::run(
        broker,
        store,
        what,
        BATCH,
        LINGER,
        token,
        |body, origin| read(what, body, origin),
        async |messages| record_all(store, messages).await,
    )
    .await
}

fn read(what: Upward, body: &[u8], origin: &Origin<'_>) -> Result<OutcomeMessage, Unreadable> {
    let message = upward::parse::<OutcomeMessage>(body)?;
    origin.may_speak_for(message.registry())?;
    match (&message, what) {
        (OutcomeMessage::ResultV1(_), Upward::Result) | (OutcomeMessage::ReturnV1(_), Upward::Return) => {
            Ok(message)
        }
        _ => Err(Unreadable { code: "HUB-3101", reason: format!("not a {}", what.as_str()) }),
    }
}

async fn record_all(store: &Store, messages: Vec<OutcomeMessage>) -> Result<Vec<Answers>, StoreError> {
    Ok(record(store, &messages).await?.into_iter().map(Answers::Outcome).collect())
}
