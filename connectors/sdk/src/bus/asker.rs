//! Questions to the ledger and their answers over direct reply-to. The answer is the proof that the ledger has what was sent,
//! so no publisher confirm is needed; a question without an answer is asked again, and the ledger knows it by its ids.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::StreamExt;
use lapin::{
    BasicProperties, Channel, Consumer,
    options::{BasicConsumeOptions, BasicPublishOptions},
    types::{AMQPValue, FieldTable, LongString, ShortString},
};
use opentelemetry::propagation::Injector;
use tokio::sync::oneshot;
use uuid::Uuid;
use xiezhi_schemas::{address::DIRECT_REPLY_TO, message::Answers};

use super::{BusError, Link, link::within};
use crate::telemetry;

/// AMQP delivery mode of a message that survives a restart of the broker.
const PERSISTENT: u8 = 2;

type Waiting = Mutex<HashMap<String, oneshot::Sender<Answers>>>;

/// A channel on which questions are put.
#[derive(Clone)]
pub(crate) struct Asker {
    channel: Channel,
    exchange: ShortString,
    user: ShortString,
    waiting: Arc<Waiting>,
}

/// Takes in the answers; ends only with a failure.
pub(crate) struct Answering {
    consumer: Consumer,
    waiting: Arc<Waiting>,
}

/// No answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// Nothing came in time: the hub is down, behind, or the answer was lost.
    #[error("no answer within {0:?}")]
    Silent(Duration),
    /// The channel is gone.
    #[error("the channel to the broker is gone")]
    Gone(#[source] Option<lapin::Error>),
}

struct Headers<'a>(&'a mut FieldTable);

impl Injector for Headers<'_> {
    fn set(&mut self, key: &str, value: String) {
        self.0.insert(key.into(), AMQPValue::LongString(LongString::from(value)));
    }
}

impl Link {
    /// Opens a channel for questions to `exchange`. The second part must run for answers to arrive.
    pub(crate) async fn asker(&self, exchange: &str) -> Result<(Asker, Answering), BusError> {
        let channel = self.channel().await?;
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let consume = channel.basic_consume(
            DIRECT_REPLY_TO.into(),
            ShortString::default(),
            options,
            FieldTable::default(),
        );
        let consumer = within(&self.host, self.timeout, "listening for answers", consume).await?;
        let waiting = Arc::new(Waiting::default());
        let asker = Asker {
            channel,
            exchange: exchange.into(),
            user: self.user.as_str().into(),
            waiting: Arc::clone(&waiting),
        };
        Ok((asker, Answering { consumer, waiting }))
    }
}

impl Answering {
    /// Hands each answer to the one who asked.
    pub(crate) async fn run(mut self) -> BusError {
        loop {
            let delivery = match self.consumer.next().await {
                Some(Ok(delivery)) => delivery,
                Some(Err(source)) => {
                    return BusError::Lost { doing: "listening for answers".into(), source: Some(source) };
                }
                None => return BusError::Lost { doing: "listening for answers".into(), source: None },
            };
            let asked = delivery.properties.correlation_id().as_ref().and_then(|id| {
                self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(id.as_str())
            });
            let Some(asked) = asked else {
                tracing::debug!("an answer came after its question was given up");
                continue;
            };
            match serde_json::from_slice(&delivery.data) {
                Ok(answers) => {
                    if asked.send(answers).is_err() {
                        tracing::debug!("an answer came after its question was given up");
                    }
                }
                Err(error) => tracing::error!(
                    code = %crate::code::Code::Unread, %error,
                    "the hub's answer cannot be read; the question is asked again"
                ),
            }
        }
    }
}

/// Forgets the question when its future is dropped.
struct Forget<'a>(&'a Waiting, String);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

impl Asker {
    /// Puts one question and waits for its answer.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that publishes; the answer stands for the confirm"
    )]
    pub(crate) async fn ask(
        &self,
        routing_key: &str,
        body: &[u8],
        timeout: Duration,
    ) -> Result<Answers, AskError> {
        let id = Uuid::now_v7().to_string();
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), sender);
        let forget = Forget(&self.waiting, id);
        let mut headers = FieldTable::default();
        telemetry::inject(&mut Headers(&mut headers));
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_delivery_mode(PERSISTENT)
            .with_correlation_id(forget.1.as_str().into())
            .with_message_id(forget.1.as_str().into())
            .with_reply_to(DIRECT_REPLY_TO.into())
            .with_user_id(self.user.clone())
            .with_headers(headers);
        let asked = async {
            self.channel
                .basic_publish(
                    self.exchange.clone(),
                    routing_key.into(),
                    BasicPublishOptions::default(),
                    body,
                    properties,
                )
                .await
                .map_err(|error| AskError::Gone(Some(error)))?;
            receiver.await.map_err(|_| AskError::Gone(None))
        };
        tokio::time::timeout(timeout, asked).await.unwrap_or(Err(AskError::Silent(timeout)))
    }
}
