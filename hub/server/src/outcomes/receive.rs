//! Takes results and returns from the broker.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use xiezhi_domain::timers::Timers;
use xiezhi_schemas::{
    address::Upward,
    message::{Answers, OutcomeMessage},
};

use super::record;
use crate::{
    health::Part,
    register::WaitingRules,
    store::{SecretUrl, Store, StoreError},
    upward::{self, Handler, Origin, Unreadable},
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
    rules: &WaitingRules,
    timers: &Timers,
    what: Upward,
    part: &Part,
    token: CancellationToken,
) -> Result<(), upward::Error> {
    upward::run(broker, store, &Receiver { store, rules, timers, what }, part, token).await
}

struct Receiver<'a> {
    store: &'a Store,
    rules: &'a WaitingRules,
    timers: &'a Timers,
    what: Upward,
}

impl Handler for Receiver<'_> {
    type Message = OutcomeMessage;

    fn what(&self) -> Upward {
        self.what
    }

    fn batch(&self) -> (usize, Duration) {
        (BATCH, LINGER)
    }

    fn read(&self, body: &[u8], origin: &Origin<'_>) -> Result<OutcomeMessage, Unreadable> {
        let message = upward::parse::<OutcomeMessage>(body)?;
        origin.may_speak_for(message.registry())?;
        match (&message, self.what) {
            (OutcomeMessage::ResultV1(_) | OutcomeMessage::ConversionV1(_), Upward::Result)
            | (OutcomeMessage::ReturnV1(_) | OutcomeMessage::DeclinedV1(_), Upward::Return) => Ok(message),
            _ => Err(Unreadable { code: "HUB-3101", reason: format!("not a {}", self.what.as_str()) }),
        }
    }

    async fn handle(&self, messages: Vec<OutcomeMessage>) -> Result<Vec<Answers>, StoreError> {
        let answers = record(self.store, self.rules, self.timers, &messages).await?;
        Ok(answers.into_iter().map(Answers::Outcome).collect())
    }
}
