//! A hand on the broker: copies messages off the road and puts messages of its own on it, as somebody with access could.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use harness::wait::{self, Step};
use harness::world::World;
use lapin::message::BasicGetMessage;
use lapin::options::{
    BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use serde_json::Value;
use uuid::Uuid;

const REPLIES: &str = "amq.rabbitmq.reply-to";

/// A channel of some account.
pub struct Hand {
    // A channel does not keep its connection.
    _connection: Connection,
    channel: Channel,
}

impl Hand {
    /// As the administrator.
    pub async fn admin(world: &World) -> Self {
        Self::of(&world.ground().broker_url()).await
    }

    /// As the connector of a province, with the URL from its configuration.
    pub async fn province(world: &World, province: &str) -> Self {
        let path = world.dir().join(format!("connector-{province}.toml"));
        let file: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
        Self::of(file["broker"]["url"].as_str().unwrap()).await
    }

    async fn of(url: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        Self { _connection: connection, channel }
    }

    /// A queue of its own that gets a copy of everything an exchange sees, besides those that get it anyway.
    pub async fn tap(&self, exchange: &str) -> String {
        let name = format!("tap.{exchange}");
        let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
        self.channel.queue_declare(name.as_str().into(), options, FieldTable::default()).await.unwrap();
        let bind = self.channel.queue_bind(
            name.as_str().into(),
            exchange.into(),
            "#".into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        bind.await.unwrap();
        name
    }

    /// Takes the queue of copies away, which is no part of the road.
    pub async fn untap(&self, queue: &str) {
        let options = lapin::options::QueueDeleteOptions::default();
        self.channel.queue_delete(queue.into(), options).await.unwrap();
    }

    /// Waits until a queue has been empty for two seconds, which are two sweeps; the broker is asked, not its statistics.
    pub async fn stays_empty(&self, queue: &str) {
        let mut empty_since = None;
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let empty = wait::until(&format!("{queue} to be empty"), Duration::from_secs(40), async || {
            let declared =
                self.channel.queue_declare(queue.into(), options, FieldTable::default()).await.unwrap();
            if declared.message_count() > 0 {
                empty_since = None;
                return Step::Again(format!("it holds {}", declared.message_count()));
            }
            let since: &Instant = empty_since.get_or_insert_with(Instant::now);
            if since.elapsed() > Duration::from_secs(2) { Step::Done(()) } else { Step::Again(String::new()) }
        })
        .await;
        empty.unwrap();
    }

    /// The next copy.
    pub async fn take(&self, queue: &str) -> BasicGetMessage {
        let taken = wait::until("a copy of a message", Duration::from_secs(20), async || {
            self.channel.basic_get(queue.into(), BasicGetOptions { no_ack: true }).await.unwrap()
        });
        taken.await.unwrap()
    }

    /// Puts a message on the road, as it is; the broker must take it.
    pub async fn put(&self, exchange: &str, key: &str, properties: BasicProperties, body: &[u8]) {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let confirm = self.channel.basic_publish(exchange.into(), key.into(), options, body, properties);
        let confirmation = confirm.await.unwrap().await.unwrap();
        assert!(confirmation.is_ack() && confirmation.take_message().is_none(), "no queue took it");
    }

    /// Asks the hub something in the name of `user` and gives its answer.
    pub async fn ask(&self, exchange: &str, key: &str, user: &str, body: &[u8]) -> Value {
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let listen = self.channel.basic_consume(REPLIES.into(), "".into(), options, FieldTable::default());
        let mut answers = listen.await.unwrap();
        let id = Uuid::now_v7().to_string();
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_delivery_mode(2)
            .with_correlation_id(id.as_str().into())
            .with_message_id(id.as_str().into())
            .with_user_id(user.into())
            .with_reply_to(REPLIES.into());
        self.put(exchange, key, properties, body).await;
        let answer = tokio::time::timeout(Duration::from_secs(20), answers.next()).await;
        let delivery = answer.expect("the hub answers in 20 s").unwrap().unwrap();
        self.channel
            .basic_cancel(answers.tag(), lapin::options::BasicCancelOptions::default())
            .await
            .unwrap();
        serde_json::from_slice(&delivery.data).unwrap()
    }
}
