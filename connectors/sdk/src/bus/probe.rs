//! Whether the account may do what it must, without doing it. RabbitMQ checks rights before it looks at details, so a
//! request with a wrong detail tells the two apart: 403 means no right, 406 means the right is there.

use lapin::{
    BasicProperties,
    options::{BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable, ShortString},
};

use super::{BusError, Link, error::reply_code};

/// What a probe found.
type Found = Result<(), String>;

/// Whether the queue is there and may be consumed. No consumer comes into being: its priority is no number.
pub(crate) async fn probe_queue(link: &Link, queue: &str) -> Result<Found, BusError> {
    let channel = link.channel().await?;
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let declare = channel.queue_declare(queue.into(), passive, FieldTable::default());
    match tokio::time::timeout(link.timeout, declare).await {
        Err(_) => return Err(BusError::Silent { host: link.host.clone(), doing: "looking for a queue" }),
        Ok(Err(error)) => return Ok(Err(explain(&error, &format!("queue {queue}")))),
        Ok(Ok(_)) => {}
    }
    let mut arguments = FieldTable::default();
    arguments.insert("x-priority".into(), AMQPValue::LongString("probe".into()));
    let consume = channel.basic_consume(
        queue.into(),
        ShortString::default(),
        BasicConsumeOptions::default(),
        arguments,
    );
    match tokio::time::timeout(link.timeout, consume).await {
        Err(_) => Err(BusError::Silent { host: link.host.clone(), doing: "trying to consume" }),
        Ok(Err(error)) if reply_code(&error) == Some(406) => Ok(Ok(())),
        Ok(Err(error)) => Ok(Err(explain(&error, &format!("consuming queue {queue}")))),
        Ok(Ok(_)) => Ok(Ok(())),
    }
}

/// Whether the account may write to the exchange. Nothing is routed: the message names another account as its sender.
#[expect(clippy::disallowed_methods, reason = "made to be refused, so that nothing is routed")]
pub(crate) async fn probe_up_exchange(link: &Link, exchange: &str) -> Result<Found, BusError> {
    let channel = link.channel().await?;
    let properties = BasicProperties::default().with_user_id("xz-probe-no-such-account".into());
    let publish = async {
        channel
            .basic_publish(exchange.into(), "probe".into(), BasicPublishOptions::default(), b"", properties)
            .await?;
        // The refusal comes on the channel and fails the next request.
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        channel.queue_declare("xz-probe-no-such-queue".into(), passive, FieldTable::default()).await
    };
    match tokio::time::timeout(link.timeout, publish).await {
        Err(_) => Err(BusError::Silent { host: link.host.clone(), doing: "trying to write" }),
        Ok(Err(error)) if reply_code(&error) == Some(406) => Ok(Ok(())),
        Ok(Err(error)) => Ok(Err(explain(&error, &format!("writing to exchange {exchange}")))),
        Ok(Ok(_)) => Ok(Err(format!("exchange {exchange} took a message in the name of another account"))),
    }
}

fn explain(error: &lapin::Error, what: &str) -> String {
    match reply_code(error) {
        Some(403) => format!("{what}: the account has no right to it"),
        Some(404) => format!("{what}: there is no such thing in this virtual host"),
        _ => format!("{what}: {error}"),
    }
}
