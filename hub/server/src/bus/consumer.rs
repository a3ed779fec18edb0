//! Consuming in batches, and answering.

use std::time::Duration;

use futures::{FutureExt, StreamExt};
use lapin::{
    BasicProperties, Channel, Connection,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicPublishOptions},
    types::{AMQPValue, FieldTable},
};
use tokio::time::{Instant, timeout, timeout_at};

use super::{BusError, SETUP_TIMEOUT, bounded, broken, channel, connect};
use crate::store::SecretUrl;

/// One message taken from a queue; still the broker's until acknowledged.
#[derive(Debug)]
pub struct Incoming(Delivery);

impl Incoming {
    /// Body.
    pub fn body(&self) -> &[u8] {
        &self.0.data
    }

    /// Routing key under which it was published.
    pub fn routing_key(&self) -> &str {
        self.0.routing_key.as_str()
    }

    /// Exchange to which it was published.
    pub fn exchange(&self) -> &str {
        self.0.exchange.as_str()
    }

    /// The broker account that published it, verified by the broker.
    pub fn user_id(&self) -> Option<&str> {
        self.0.properties.user_id().as_ref().map(|s| s.as_str())
    }

    /// Message id.
    pub fn message_id(&self) -> Option<&str> {
        self.0.properties.message_id().as_ref().map(|s| s.as_str())
    }

    /// A header with text.
    pub fn text_header(&self, name: &str) -> Option<String> {
        match self.header(name)? {
            AMQPValue::LongString(text) => Some(text.to_string()),
            AMQPValue::ShortString(text) => Some(text.to_string()),
            _ => None,
        }
    }

    /// A header with a number.
    pub fn number_header(&self, name: &str) -> Option<i64> {
        match self.header(name)? {
            AMQPValue::LongUInt(n) => Some(i64::from(*n)),
            AMQPValue::LongInt(n) => Some(i64::from(*n)),
            AMQPValue::LongLongInt(n) => Some(*n),
            AMQPValue::ShortUInt(n) => Some(i64::from(*n)),
            AMQPValue::ShortInt(n) => Some(i64::from(*n)),
            AMQPValue::ShortShortInt(n) => Some(i64::from(*n)),
            AMQPValue::ShortShortUInt(n) => Some(i64::from(*n)),
            _ => None,
        }
    }

    /// Why it was dead-lettered last: `expired`, `rejected`, `delivery_limit` or `maxlen`; none when no queue had it.
    pub fn death_reason(&self) -> Option<String> {
        let AMQPValue::FieldArray(deaths) = self.header("x-death")? else { return None };
        let AMQPValue::FieldTable(newest) = deaths.as_slice().first()? else { return None };
        match newest.inner().get("reason")? {
            AMQPValue::LongString(reason) => Some(reason.to_string()),
            _ => None,
        }
    }

    fn header(&self, name: &str) -> Option<&AMQPValue> {
        self.0.properties.headers().as_ref()?.inner().get(name)
    }
}

/// A connection with one subscription.
pub struct Consumer {
    connection: Connection,
    channel: Channel,
    stream: lapin::Consumer,
    queue: String,
}

impl Consumer {
    /// Connects and subscribes to `queue`; at most `prefetch` messages are in hand unacknowledged.
    ///
    /// # Errors
    /// When the broker does not let us, for instance because the queue does not exist.
    pub async fn open(url: &SecretUrl, queue: &str, prefetch: u16) -> Result<Self, BusError> {
        let connection = connect(url, queue).await?;
        let channel = channel(&connection, prefetch).await?;
        let subscribe = channel.basic_consume(
            queue.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let stream = bounded("subscribe", SETUP_TIMEOUT, subscribe).await?;
        Ok(Self { connection, channel, stream, queue: queue.to_owned() })
    }

    /// The next messages: at least one, at most `max`, and none that would take longer than `linger` after the first.
    ///
    /// # Errors
    /// When the subscription ended in whatever way; a stream that ends is never a quiet end of work.
    pub async fn next(&mut self, max: usize, linger: Duration) -> Result<Vec<Incoming>, BusError> {
        let mut batch = vec![self.one().await?];
        let until = Instant::now() + linger;
        while batch.len() < max {
            let more = match self.one().now_or_never() {
                Some(more) => more?,
                None => match timeout_at(until, self.one()).await {
                    Ok(more) => more?,
                    Err(_) => break,
                },
            };
            batch.push(more);
        }
        Ok(batch)
    }

    async fn one(&mut self) -> Result<Incoming, BusError> {
        match self.stream.next().await {
            Some(Ok(delivery)) => Ok(Incoming(delivery)),
            Some(Err(source)) => Err(BusError::Broken { what: "consume", source }),
            None => Err(BusError::Cancelled { queue: self.queue.clone() }),
        }
    }

    /// Acknowledges everything taken so far, the last of which is `last`.
    ///
    /// # Errors
    /// When the acknowledgement could not be sent; then all of it will come again.
    pub async fn ack_through(&self, last: &Incoming) -> Result<(), BusError> {
        let all = BasicAckOptions { multiple: true };
        self.channel.basic_ack(last.0.delivery_tag, all).await.map_err(broken("acknowledge"))?;
        Ok(())
    }

    /// Whether the connection still stands.
    pub fn is_open(&self) -> bool {
        self.connection.status().connected()
    }
}

/// Sends answers straight to the channel that asked. An answer that gets lost is asked for again.
pub struct Replier {
    _connection: Connection,
    channel: Channel,
}

impl Replier {
    /// Connects.
    ///
    /// # Errors
    /// When the broker does not let us.
    pub async fn open(url: &SecretUrl, name: &str) -> Result<Self, BusError> {
        let connection = connect(url, name).await?;
        let channel = channel(&connection, 0).await?;
        Ok(Self { _connection: connection, channel })
    }

    /// Answers `question` with `body`; does nothing when it asked for no answer.
    ///
    /// # Errors
    /// When the connection is gone or blocked.
    pub async fn reply(&self, question: &Incoming, body: &[u8]) -> Result<(), BusError> {
        let Some(to) = question.0.properties.reply_to().clone() else { return Ok(()) };
        let mut properties = BasicProperties::default().with_content_type("application/json".into());
        if let Some(id) = question.0.properties.correlation_id().clone() {
            properties = properties.with_correlation_id(id);
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "an answer needs no confirm: the question is asked again"
        )]
        let sent =
            self.channel.basic_publish("".into(), to, BasicPublishOptions::default(), body, properties);
        match timeout(SETUP_TIMEOUT, sent).await {
            Ok(sent) => sent.map(drop).map_err(broken("answer")),
            Err(_) => Err(BusError::Silent { what: "answer", seconds: SETUP_TIMEOUT.as_secs() }),
        }
    }
}

/// Goes once through `queue` and takes out the messages for which `remove` says so; the others stay.
/// Gives the number of messages taken out.
///
/// The queue must have no other consumer. The broker counts a redelivery for what stays, so dead-letter queues are
/// declared with a delivery limit that is never reached.
///
/// # Errors
/// When the broker breaks off; what was taken out until then stays out, and a repeat goes on from there.
pub async fn sweep(
    url: &SecretUrl,
    queue: &str,
    mut remove: impl FnMut(&Incoming) -> bool,
) -> Result<usize, BusError> {
    let connection = connect(url, "sweep").await?;
    let channel = channel(&connection, 0).await?;
    let mut taken = 0;
    let mut left = None;
    while left != Some(0) {
        let got = bounded("get", SETUP_TIMEOUT, channel.basic_get(queue.into(), BasicGetOptions::default()))
            .await?;
        let Some(got) = got else { break };
        // The count of the first answer is where the sweep ends; what arrives later waits for the next one.
        left = Some(left.map_or(got.message_count, |n: u32| n - 1));
        let message = Incoming(got.delivery);
        if remove(&message) {
            channel
                .basic_ack(message.0.delivery_tag, BasicAckOptions::default())
                .await
                .map_err(broken("acknowledge"))?;
            taken += 1;
        }
    }
    // Closing hands everything unacknowledged back to the queue.
    bounded("close", SETUP_TIMEOUT, connection.close(200, "sweep done".into())).await?;
    Ok(taken)
}
