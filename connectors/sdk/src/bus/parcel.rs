//! One delivery, and the only handles by which it can be settled. They belong to the channel it came on; on another
//! connection they do nothing, so a late acknowledgement can never settle another message.

use lapin::{
    message::Delivery,
    options::{BasicAckOptions, BasicRejectOptions},
    types::AMQPValue,
};
use opentelemetry::propagation::Extractor;

/// A delivery from a queue.
pub(crate) struct Parcel {
    delivery: Delivery,
}

impl Parcel {
    pub(super) fn new(delivery: Delivery) -> Self {
        Self { delivery }
    }

    /// The body.
    pub(crate) fn body(&self) -> &[u8] {
        &self.delivery.data
    }

    /// Its number on the channel; later deliveries have higher ones.
    pub(crate) fn tag(&self) -> u64 {
        self.delivery.delivery_tag
    }

    /// Whether the broker delivered it before.
    pub(crate) fn redelivered(&self) -> bool {
        self.delivery.redelivered
    }

    fn value(&self, name: &str) -> Option<&AMQPValue> {
        self.delivery.properties.headers().as_ref()?.inner().get(name)
    }

    /// A header that holds text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok(),
            AMQPValue::ShortString(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// A header that holds a number, whatever its width.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            AMQPValue::ShortShortInt(n) => Some((*n).into()),
            AMQPValue::ShortShortUInt(n) => Some((*n).into()),
            AMQPValue::ShortInt(n) => Some((*n).into()),
            AMQPValue::ShortUInt(n) => Some((*n).into()),
            AMQPValue::LongInt(n) => Some((*n).into()),
            AMQPValue::LongUInt(n) => Some((*n).into()),
            AMQPValue::LongLongInt(n) => Some(*n),
            AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok()?.parse().ok(),
            _ => None,
        }
    }

    /// How often a quorum queue has delivered it before; 0 when it does not say.
    pub(crate) fn earlier_deliveries(&self) -> i64 {
        self.number("x-delivery-count").unwrap_or(0)
    }

    /// Acknowledges it. A failure is no harm: the broker delivers it again and the ledger answers that it knows it.
    pub(crate) async fn ack(&self) {
        match self.delivery.acker.ack(BasicAckOptions::default()).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::debug!("the channel was gone before the acknowledgement; the broker delivers again")
            }
            Err(error) => tracing::debug!(%error, "the acknowledgement was lost; the broker delivers again"),
        }
    }

    /// Parks it: the broker moves it to the province's dead-letter queue.
    pub(crate) async fn park(&self) {
        match self.delivery.acker.reject(BasicRejectOptions { requeue: false }).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::debug!("the channel was gone before the rejection; the broker delivers again")
            }
            Err(error) => tracing::debug!(%error, "the rejection was lost; the broker delivers again"),
        }
    }
}

/// Lets the trace of the sender go on in the connector.
impl Extractor for Parcel {
    fn get(&self, key: &str) -> Option<&str> {
        self.text(key)
    }

    fn keys(&self) -> Vec<&str> {
        let headers = self.delivery.properties.headers().as_ref();
        headers.map(|headers| headers.inner().keys().map(|key| key.as_str()).collect()).unwrap_or_default()
    }
}
