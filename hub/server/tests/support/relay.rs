//! What the tests of the relay share: a broker with one registry's queue, and a relay that is started again when it ends.

#![allow(clippy::disallowed_methods, reason = "a test spawns without a supervisor")]

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use harness::wait::until;
use hub::{
    config::{BrokerSettings, RelaySettings},
    health::Health,
    keys, relay,
    store::{SecretUrl, Store},
};
use lapin::{
    Channel, Connection, ConnectionProperties, ExchangeKind,
    options::{
        BasicAckOptions, BasicGetOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Database, Request};

pub const QUEUE: &str = "registry.320102.demand";
pub const KEY: &str = "seizure.32.3201.320102.registry";
pub const SOON: Duration = Duration::from_secs(20);

/// A broker with the exchange to which the relay publishes, and one registry's queue.
pub struct Broker {
    _connection: Connection,
    channel: Channel,
    pub url: SecretUrl,
}

impl Broker {
    pub async fn new(url: &str, max_length: Option<i64>) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        channel
            .exchange_declare("court".into(), ExchangeKind::Topic, durable, FieldTable::default())
            .await
            .unwrap();
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        if let Some(most) = max_length {
            arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(most));
            arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
        }
        let options = QueueDeclareOptions { durable: true, ..Default::default() };
        channel.queue_declare(QUEUE.into(), options, arguments).await.unwrap();
        let broker = Self { _connection: connection, channel, url: SecretUrl::new(url) };
        broker.bind().await;
        broker
    }

    pub async fn bind(&self) {
        let options = QueueBindOptions::default();
        self.channel
            .queue_bind(QUEUE.into(), "court".into(), KEY.into(), options, FieldTable::default())
            .await
            .unwrap();
    }

    pub async fn unbind(&self) {
        self.channel
            .queue_unbind(QUEUE.into(), "court".into(), KEY.into(), FieldTable::default())
            .await
            .unwrap();
    }

    /// Takes everything out of the queue; the message ids in the order in which they lay there.
    pub async fn drain(&self) -> Vec<Uuid> {
        let mut ids = Vec::new();
        while let Some(got) = self.channel.basic_get(QUEUE.into(), BasicGetOptions::default()).await.unwrap()
        {
            ids.push(got.delivery.properties.message_id().as_ref().unwrap().as_str().parse().unwrap());
            got.delivery.acker.ack(BasicAckOptions::default()).await.unwrap();
        }
        ids
    }
}

/// A relay under a supervisor's care, reduced to what the test needs: it is started again whenever it ends.
pub struct Running {
    token: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Publishes what the store's outbox holds to the broker at `url`.
    pub fn start(store: &Store, url: &SecretUrl) -> Self {
        let token = CancellationToken::new();
        let (store, url, stop) = (store.clone(), url.clone(), token.clone());
        let task = tokio::spawn(async move {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("hub.secret");
            keys::make_hub_secret(&path).unwrap();
            let secret = keys::HubSecret::load(&path).unwrap();
            let part = Arc::new(Health::expecting(&["relay"])).part("relay");
            let settings = RelaySettings { batch_size: 64, period_ms: 100 };
            let broker = BrokerSettings {
                url: url.clone(),
                management_url: SecretUrl::new(""),
                publish_timeout_ms: 3_000,
            };
            while !stop.is_cancelled() {
                drop(relay::run(&broker, &store, &settings, &secret, &part, stop.clone()).await);
            }
        });
        Self { token, task }
    }

    pub async fn stop(self) {
        self.token.cancel();
        self.task.await.unwrap();
    }
}

pub async fn all_confirmed(db: &Database) {
    until("every outbox row is confirmed", SOON, async || {
        db.number("SELECT count(*) FROM inv_outbox WHERE confirmed_at IS NULL").await == 0
    })
    .await
    .unwrap();
}

pub fn ids(requests: &[Request]) -> BTreeSet<Uuid> {
    requests.iter().map(|r| r.message_id).collect()
}
