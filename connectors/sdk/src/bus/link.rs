//! One connection and what hangs on it.

use std::{collections::BTreeSet, future::Future, time::Duration};

use futures::StreamExt;
use lapin::{
    Channel, Connection, ConnectionProperties, Consumer,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions},
    types::{FieldTable, ShortString},
};

use super::{BusError, Parcel, error::is_denied, url};
use crate::config::Broker;

/// A connection to the broker. What was opened on it is useless once it is gone; nothing is carried over to the next.
pub(crate) struct Link {
    connection: Connection,
    pub(super) host: String,
    pub(super) user: String,
    pub(super) timeout: Duration,
}

/// A request to the broker with its deadline: during an alarm or on a dead line an answer may never come.
pub(super) async fn within<T>(
    host: &str,
    timeout: Duration,
    doing: &'static str,
    request: impl Future<Output = lapin::Result<T>>,
) -> Result<T, BusError> {
    match tokio::time::timeout(timeout, request).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(source)) if is_denied(&source) => {
            Err(BusError::Denied { host: host.to_owned(), doing: doing.to_owned(), source })
        }
        Ok(Err(source)) => Err(BusError::Lost { doing: doing.to_owned(), source: Some(source) }),
        Err(_) => Err(BusError::Silent { host: host.to_owned(), doing }),
    }
}

impl Link {
    /// Connects and logs in.
    pub(crate) async fn connect(broker: &Broker, name: &str) -> Result<Self, BusError> {
        let uri = url::read(broker.url.expose()).expect("the configuration was checked with the same reader");
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        match within(&broker.host, broker.timeout, "the login", Connection::connect_uri(uri, properties))
            .await
        {
            Ok(connection) => Ok(Self {
                connection,
                host: broker.host.clone(),
                user: broker.user.clone(),
                timeout: broker.timeout,
            }),
            Err(BusError::Lost { source: Some(source), .. }) => {
                Err(BusError::Unreachable { host: broker.host.clone(), source })
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the connection still stands, as far as the library knows.
    pub(crate) fn stands(&self) -> bool {
        self.connection.status().connected()
    }

    pub(super) async fn channel(&self) -> Result<Channel, BusError> {
        within(&self.host, self.timeout, "opening a channel", self.connection.create_channel()).await
    }

    /// Consumes one queue on a channel of its own, with at most `prefetch` deliveries unacknowledged.
    pub(crate) async fn subscribe(&self, queue: &str, prefetch: u16) -> Result<Subscription, BusError> {
        let channel = self.channel().await?;
        within(
            &self.host,
            self.timeout,
            "setting the prefetch",
            channel.basic_qos(prefetch, BasicQosOptions::default()),
        )
        .await?;
        let consume = channel.basic_consume(
            queue.into(),
            ShortString::default(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let consumer = match tokio::time::timeout(self.timeout, consume).await {
            Ok(Ok(consumer)) => consumer,
            Ok(Err(source)) => return Err(self.queue_failed(queue, "consuming was refused", Some(source))),
            Err(_) => return Err(BusError::Silent { host: self.host.clone(), doing: "consuming" }),
        };
        Ok(Subscription {
            channel,
            consumer,
            queue: queue.to_owned(),
            held: BTreeSet::new(),
            timeout: self.timeout,
        })
    }

    /// Puts a failed queue in its place: the connection's fault when that is gone, otherwise the queue's.
    pub(crate) fn queue_failed(&self, queue: &str, what: &str, source: Option<lapin::Error>) -> BusError {
        if self.stands() {
            BusError::Queue { queue: queue.to_owned(), what: what.to_owned(), source }
        } else {
            BusError::Lost { doing: format!("consuming {queue}"), source }
        }
    }

    /// Says good-bye; the broker returns what was not acknowledged to its queues in any case.
    pub(crate) async fn close(&self) {
        let closing = self.connection.close(200, "the connector stops".into());
        if tokio::time::timeout(Duration::from_secs(2), closing).await.is_err() {
            tracing::debug!("the broker did not say good-bye");
        }
    }
}

/// One consumer of one queue.
pub(crate) struct Subscription {
    channel: Channel,
    consumer: Consumer,
    queue: String,
    /// Deliveries that are not settled. To name a settled one to the broker would end the channel.
    held: BTreeSet<u64>,
    timeout: Duration,
}

impl Subscription {
    /// The next delivery. The end of the stream is a failure: it also ends when the queue was deleted or its leader went,
    /// while channel and connection still look good.
    pub(crate) async fn next(&mut self, link: &Link) -> Result<Parcel, BusError> {
        match self.consumer.next().await {
            Some(Ok(delivery)) => {
                self.held.insert(delivery.delivery_tag);
                Ok(Parcel::new(delivery))
            }
            Some(Err(source)) => Err(link.queue_failed(&self.queue, "the broker ended it", Some(source))),
            None => Err(link.queue_failed(&self.queue, "the broker ended the consumer", None)),
        }
    }

    /// Notes that this delivery was acknowledged or rejected.
    pub(crate) fn settled(&mut self, tag: u64) {
        self.held.remove(&tag);
    }

    /// How many deliveries are not settled.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// Stops consuming. What the broker had already sent is taken in, so that it goes back with the rest.
    pub(crate) async fn cancel(&mut self) {
        let cancel = self.channel.basic_cancel(self.consumer.tag(), BasicCancelOptions::default());
        match tokio::time::timeout(self.timeout, cancel).await {
            Ok(Ok(())) => {
                while let Ok(Some(Ok(delivery))) =
                    tokio::time::timeout(Duration::from_millis(500), self.consumer.next()).await
                {
                    self.held.insert(delivery.delivery_tag);
                }
            }
            Ok(Err(error)) => tracing::debug!(queue = self.queue, %error, "the consumer was gone already"),
            Err(_) => {
                tracing::debug!(queue = self.queue, "the broker did not confirm the end of the consumer")
            }
        }
    }

    /// Returns everything that is not settled to the queue with one request, so that it stands there in its old order,
    /// and closes the channel. When the broker does not answer, the end of the channel does the same.
    pub(crate) async fn return_all(self) {
        let back = async {
            if let Some(highest) = self.held.last() {
                let options = BasicNackOptions { multiple: true, requeue: true };
                self.channel.basic_nack(*highest, options).await?;
            }
            self.channel.close(200, "done".into()).await
        };
        match tokio::time::timeout(self.timeout, back).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(queue = self.queue, %error, "the channel was gone already"),
            Err(_) => tracing::debug!(queue = self.queue, "the broker did not confirm the return"),
        }
    }
}
