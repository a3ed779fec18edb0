//! Publishing with an outcome for each message.
//!
//! A publish is mandatory, persistent and confirmed. lapin hands a returned message to whichever confirm is settled
//! next, so a confirm says nothing about *its* message until the whole batch is settled and the ids of all returned
//! messages are known. Hence the unit here is the batch: it is published on a channel that carries nothing else, every
//! confirm is awaited, and only then is each message judged by its own id. (A return always precedes its confirm, and
//! each settled confirm takes at most one return, so no return is left over when the batch is settled.)

use std::{collections::HashMap, time::Duration};

use futures::future::join_all;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::{AMQPValue, FieldTable},
};
use tokio::time::timeout;

use super::{BusError, SETUP_TIMEOUT, bounded, broken, channel, connect};
use crate::{failpoint::planted_bug, store::SecretUrl};

/// One message to be sent.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Exchange.
    pub exchange: String,
    /// Routing key.
    pub routing_key: String,
    /// Id by which a return is matched; unique within a batch.
    pub message_id: String,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// Number of a demand's attempt, sent as an integer header.
    pub attempt: Option<u32>,
    /// Body.
    pub body: Vec<u8>,
}

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// The broker has it in a queue.
    Confirmed,
    /// No queue would take it: it came back.
    Returned {
        /// The broker's words, e.g. `312 NO_ROUTE`.
        reason: String,
    },
    /// The broker refused it, usually because a queue is full.
    Refused,
}

/// A connection and one channel for publishing only.
pub struct Publisher {
    connection: Connection,
    channel: Channel,
    confirm_timeout: Duration,
}

impl Publisher {
    /// Connects and turns confirms on.
    ///
    /// # Errors
    /// When the broker does not let us.
    pub async fn open(url: &SecretUrl, name: &str, confirm_timeout: Duration) -> Result<Self, BusError> {
        let connection = connect(url, name).await?;
        let channel = channel(&connection, 0).await?;
        bounded("turn confirms on", SETUP_TIMEOUT, channel.confirm_select(ConfirmSelectOptions::default()))
            .await?;
        Ok(Self { connection, channel, confirm_timeout })
    }

    /// Publishes a batch and waits until every message is settled; the answers stand in the order of `batch`.
    ///
    /// Takes the publisher by value and gives it back only on success: after an error some confirms or returns may still
    /// be on their way, and would be taken for those of the next batch.
    ///
    /// # Errors
    /// When any outcome stayed unknown; then nothing of the batch counts as sent.
    pub async fn publish(self, batch: Vec<Outgoing>) -> Result<(Self, Vec<Settled>), BusError> {
        let limit = self.confirm_timeout;
        let settled = match timeout(limit, self.settle(batch)).await {
            Ok(settled) => settled?,
            Err(_) => return Err(BusError::Silent { what: "publisher confirm", seconds: limit.as_secs() }),
        };
        Ok((self, settled))
    }

    async fn settle(&self, batch: Vec<Outgoing>) -> Result<Vec<Settled>, BusError> {
        let mut ids = Vec::with_capacity(batch.len());
        let mut confirms = Vec::with_capacity(batch.len());
        for message in batch {
            ids.push(message.message_id.clone());
            let properties = properties(&message);
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            #[expect(clippy::disallowed_methods, reason = "this is the place that publishes")]
            let confirm = self
                .channel
                .basic_publish(
                    message.exchange.as_str().into(),
                    message.routing_key.as_str().into(),
                    options,
                    &message.body,
                    properties,
                )
                .await
                .map_err(broken("publish"))?;
            confirms.push(confirm);
        }
        let mut refused = Vec::with_capacity(ids.len());
        let mut returned = HashMap::new();
        for confirmation in join_all(confirms).await {
            let confirmation = confirmation.map_err(broken("publisher confirm"))?;
            refused.push(!matches!(confirmation, Confirmation::Ack(_)));
            if let Some(message) = confirmation.take_message() {
                let id = message
                    .delivery
                    .properties
                    .message_id()
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                returned.insert(id, format!("{} {}", message.reply_code, message.reply_text));
            }
        }
        Ok(judge(&ids, &refused, &returned))
    }

    /// Whether the connection still stands.
    pub fn is_open(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }
}

/// Judges each message by its own id.
fn judge(ids: &[String], refused: &[bool], returned: &HashMap<String, String>) -> Vec<Settled> {
    if planted_bug("trust_is_ack") {
        return refused.iter().map(|no| if *no { Settled::Refused } else { Settled::Confirmed }).collect();
    }
    ids.iter()
        .zip(refused)
        .map(|(id, refused)| match returned.get(id) {
            Some(reason) => Settled::Returned { reason: reason.clone() },
            None if *refused => Settled::Refused,
            None => Settled::Confirmed,
        })
        .collect()
}

fn properties(message: &Outgoing) -> BasicProperties {
    let mut headers = FieldTable::default();
    for (name, value) in &message.headers {
        headers.insert((*name).into(), AMQPValue::LongString(value.as_str().into()));
    }
    if let Some(attempt) = message.attempt {
        headers.insert(xiezhi_schemas::message::header::ATTEMPT.into(), AMQPValue::LongUInt(attempt));
    }
    BasicProperties::default()
        .with_message_id(message.message_id.as_str().into())
        .with_content_type("application/json".into())
        .with_delivery_mode(2)
        .with_headers(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_judged_by_its_own_id() {
        let ids: Vec<String> = ["a", "b", "c"].map(String::from).into();
        // The return of "a" came with the confirm of another message, as the client does at times.
        let returned = HashMap::from([("a".to_owned(), "312 NO_ROUTE".to_owned())]);
        let settled = judge(&ids, &[false, false, true], &returned);
        assert_eq!(
            settled,
            [Settled::Returned { reason: "312 NO_ROUTE".into() }, Settled::Confirmed, Settled::Refused]
        );
    }
}
