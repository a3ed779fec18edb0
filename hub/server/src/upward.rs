//! What comes up from the provinces: one loop for receipts, results and returns.
//!
//! A batch is read, handled in one transaction, answered, and acknowledged, in this order. A message that cannot be
//! understood, or that speaks for a registry of another province, is kept in `parked_message` for a person and
//! answered as unread; it never stops the others.

use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info_span};
use xiezhi_schemas::{
    address::{RegistryCode, Upward},
    message::Answers,
};

use crate::{
    bus::{BusError, Consumer, Incoming, Replier},
    code::chain,
    health::Part,
    store::{SecretUrl, Store, StoreError, parked},
    telemetry::trace,
};

/// What ends the loop. Nothing is lost: the unacknowledged comes again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The broker broke off.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who published a message, as verified by the broker.
#[derive(Debug)]
pub struct Origin<'a>(Option<&'a str>);

impl Origin<'_> {
    /// Whether the publisher's account is that of the registry's province.
    ///
    /// # Errors
    /// When it is not.
    pub fn may_speak_for(&self, registry: &RegistryCode) -> Result<(), Unreadable> {
        if self.0 == Some(registry.province().broker_user().as_str()) {
            return Ok(());
        }
        let who = self.0.unwrap_or("a publisher without user-id");
        Err(Unreadable { code: "HUB-3102", reason: format!("{who} may not speak for registry {registry}") })
    }
}

/// Why a message is parked.
#[derive(Debug)]
pub struct Unreadable {
    /// Stable code.
    pub code: &'static str,
    /// Without personal data: the reason is logged and answered.
    pub reason: String,
}

/// Reads a versioned message; unknown schemas, unknown fields and double keys are refused.
///
/// # Errors
/// Where the text stops making sense; the text itself is not repeated.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(body).map_err(|error| Unreadable {
        code: "HUB-3101",
        reason: format!(
            "not a message of a known schema ({:?}, line {}, column {})",
            error.classify(),
            error.line(),
            error.column()
        ),
    })
}

/// Messages in hand at the most, for each queue; more than one batch, so that the next is there when the last is done.
const PREFETCH: u16 = 512;

/// A transaction over a batch has some thirty statements, each of which takes a fraction of its longest time.
const STATEMENTS: u32 = 12;

/// One kind of upward traffic: how a message is read, and what is done with a batch.
pub trait Handler: Sync {
    /// What a message says.
    type Message: Send;

    /// Which queue is consumed.
    fn what(&self) -> Upward;

    /// Messages handled in one transaction at the most, and how long a transaction waits for more after the first.
    fn batch(&self) -> (usize, Duration);

    /// Reads one message.
    ///
    /// # Errors
    /// Why it is to be parked.
    fn read(&self, body: &[u8], origin: &Origin<'_>) -> Result<Self::Message, Unreadable>;

    /// Does what the messages ask for, in one transaction; one answer for each, in their order.
    ///
    /// # Errors
    /// When the database fails; the messages come again.
    fn handle(
        &self,
        messages: Vec<Self::Message>,
    ) -> impl Future<Output = Result<Vec<Answers>, StoreError>> + Send;
}

/// Consumes what `handler` handles until cancelled.
///
/// # Errors
/// When broker or database break off.
pub async fn run(
    broker: &SecretUrl,
    store: &Store,
    handler: &impl Handler,
    part: &Part,
    token: CancellationToken,
) -> Result<(), Error> {
    let (batch_size, linger) = handler.batch();
    let queue = handler.what().hub_queue();
    let mut consumer = Consumer::open(broker, queue, PREFETCH).await?;
    let replier = Replier::open(broker, &format!("{queue} answers")).await?;
    tracing::info!(queue, "consuming");
    part.up();
    loop {
        let batch = tokio::select! {
            biased;
            () = token.cancelled() => return Ok(()),
            batch = consumer.next(batch_size, linger) => batch?,
        };
        let mut readable = Vec::with_capacity(batch.len());
        let mut messages = Vec::with_capacity(batch.len());
        for incoming in &batch {
            match handler.read(incoming.body(), &Origin(incoming.user_id())) {
                Ok(message) => {
                    readable.push(incoming);
                    messages.push(message);
                }
                Err(unreadable) => park(store, &replier, queue, incoming, &unreadable).await?,
            }
        }
        if !messages.is_empty() {
            // A batch has many causes: it points to them and is nobody's child.
            let span = info_span!("upward", queue, messages = messages.len());
            for cause in readable.iter().filter_map(|incoming| incoming.text_header(trace::HEADER)) {
                trace::link(&span, &cause);
            }
            let handled = handler.handle(messages).instrument(span);
            match store.patiently(STATEMENTS, Box::pin(handled)).await {
                Ok(answers) => {
                    for (incoming, answer) in readable.iter().zip(&answers) {
                        replier.reply(incoming, &encode(answer)).await?;
                    }
                }
                Err(error) if error.is_of_a_value() => {
                    tracing::warn!(
                        queue,
                        code = error.code(),
                        error = chain(&error),
                        "each message is handled by itself"
                    );
                    for incoming in readable {
                        Box::pin(alone(store, &replier, handler, incoming)).await?;
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(last) = batch.last() {
            consumer.ack_through(last).await?;
        }
    }
}

/// Handles one message of a batch that failed on a value: the one that holds the value is kept for a person, because it would
/// fail for ever and everything behind it would wait; the others never notice.
async fn alone<H: Handler>(
    store: &Store,
    replier: &Replier,
    handler: &H,
    incoming: &Incoming,
) -> Result<(), Error> {
    let queue = handler.what().hub_queue();
    let message = match handler.read(incoming.body(), &Origin(incoming.user_id())) {
        Ok(message) => message,
        Err(unreadable) => return park(store, replier, queue, incoming, &unreadable).await,
    };
    match store.patiently(STATEMENTS, Box::pin(handler.handle(vec![message]))).await {
        Ok(answers) => {
            for answer in &answers {
                replier.reply(incoming, &encode(answer)).await?;
            }
            Ok(())
        }
        Err(error) if error.is_of_a_value() => {
            // Not with the database's words: they may quote the value.
            let reason = "a value in it cannot be stored; the log names it".to_owned();
            tracing::error!(queue, code = error.code(), error = chain(&error), "a value cannot be stored");
            park(store, replier, queue, incoming, &Unreadable { code: error.code(), reason }).await
        }
        Err(error) => Err(error.into()),
    }
}

fn encode(answer: &Answers) -> Vec<u8> {
    serde_json::to_vec(answer).expect("an answer has string keys and finite numbers")
}

async fn park(
    store: &Store,
    replier: &Replier,
    queue: &str,
    incoming: &Incoming,
    why: &Unreadable,
) -> Result<(), Error> {
    tracing::warn!(queue, code = why.code, reason = why.reason, "message parked");
    parked::keep(&store.client().await?, queue, incoming, why.code, &why.reason).await?;
    let answer = Answers::Unread { code: why.code.to_owned(), message: why.reason.clone() };
    replier.reply(incoming, &encode(&answer)).await?;
    Ok(())
}
