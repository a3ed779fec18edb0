//! One broker for the program, a virtual host for each test, and short words for AMQP.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::StreamExt as _;
use harness::{Rabbit, RabbitOptions, home::Home};
use hub::topology::*;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties,
    message::Delivery,
    options::*,
    types::{AMQPValue, FieldTable},
};
use serde_json::Value;
use tokio::{sync::OnceCell, time::timeout};

/// A virtual host with a topology of its own.
pub struct Host {
    pub rabbit: &'static Rabbit,
    pub name: String,
    pub broker: Broker,
    pub topology: Topology,
}

pub fn settings() -> Settings {
    Settings { delivery_window: Duration::from_secs(600), max_length: 1000, delivery_limit: 1_000_000 }
}

/// Registries with the divisions they serve; the provinces follow from them.
pub fn directory(registries: &[(&str, &[&str])]) -> Directory {
    let registries: Vec<_> = registries
        .iter()
        .map(|(code, divisions)| Registry {
            code: code.parse().unwrap(),
            name: format!("登记机构{code}"),
            divisions: divisions.iter().map(|division| division.parse().unwrap()).collect(),
        })
        .collect();
    let codes: std::collections::BTreeSet<_> =
        registries.iter().map(|registry| registry.code.province()).collect();
    let provinces = codes.into_iter().map(|code| Province { name: format!("省{code}"), code }).collect();
    Directory { provinces, registries, ..Directory::default() }
}

async fn rabbit() -> &'static Rabbit {
    // Never dropped: the kernel ends the broker with this program.
    static RABBIT: OnceCell<(Arc<Home>, Rabbit)> = OnceCell::const_new();
    let start = || {
        Box::pin(async {
            let home = Arc::new(Home::create("topology").unwrap());
            let rabbit = Rabbit::start(&home, RabbitOptions::default()).await.unwrap();
            (home, rabbit)
        })
    };
    &RABBIT.get_or_init(start).await.1
}

/// Every test gives the same password, because users are the whole broker's.
pub fn password(user: &str) -> Secret {
    Secret::new(format!("pw-{user}"))
}

impl Host {
    /// An empty virtual host and the value for `directory`.
    pub async fn empty(directory: &Directory, settings: &Settings) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let rabbit = rabbit().await;
        let name = format!("t{}/ü", NUMBER.fetch_add(1, Ordering::Relaxed));
        rabbit.management().create_vhost(&name).await.unwrap();
        let (user, secret) = rabbit.credentials();
        let broker =
            Broker::connect(rabbit.management_url(), &name, user, Secret::new(secret)).await.unwrap();
        Self { rabbit, name, broker, topology: Topology::declared(directory, settings).unwrap() }
    }

    /// A virtual host with everything in place.
    pub async fn ready(directory: &Directory, settings: &Settings) -> Self {
        let host = Self::empty(directory, settings).await;
        let report = host.apply(&host.plan().await, ApplyOptions::default()).await.unwrap();
        assert_eq!(report.refused, []);
        host
    }

    pub async fn plan(&self) -> Plan {
        plan(&self.topology, &self.broker.running().await.unwrap())
    }

    pub fn passwords(&self) -> BTreeMap<String, Secret> {
        self.topology.passwords(
            Some(password(HUB_USER)),
            |province| password(&province.broker_user()),
            |court| password(&court.broker_user()),
        )
    }

    pub async fn apply(&self, plan: &Plan, options: ApplyOptions) -> Result<Report, TopologyError> {
        apply(&self.broker, plan, &self.passwords(), options, &|_| {}).await
    }

    /// A request to the management API as administrator; the path may hold `{v}` for the virtual host.
    pub async fn api(&self, method: &str, path: &[&str], body: Value) -> (u16, Value) {
        let path: Vec<_> =
            path.iter().map(|part| if *part == "{v}" { self.name.as_str() } else { *part }).collect();
        let method = method.parse().unwrap();
        let body = (!body.is_null()).then_some(&body);
        let (status, answer) = self.rabbit.management().request(method, &path, body).await.unwrap();
        (status.as_u16(), answer)
    }

    pub fn url(&self, user: &str, secret: &str) -> String {
        let vhost = self.name.replace('/', "%2f").replace('ü', "%C3%BC");
        format!("amqp://{user}:{secret}@127.0.0.1:{}/{vhost}", self.rabbit.port())
    }

    /// A connection of the administrator.
    pub async fn connect(&self) -> Connection {
        let (user, secret) = self.rabbit.credentials();
        Connection::connect(&self.url(user, secret), ConnectionProperties::default()).await.unwrap()
    }

    /// A connection of a user of the topology.
    pub async fn connect_as(&self, user: &str) -> Connection {
        let url = self.url(user, password(user).expose());
        Connection::connect(&url, ConnectionProperties::default()).await.unwrap()
    }

    /// The next message of `queue` within five seconds, acknowledged.
    pub async fn take(&self, connection: &Connection, queue: &str) -> Delivery {
        let (channel, delivery) = consume_one(connection, queue).await;
        channel.basic_ack(delivery.delivery_tag, BasicAckOptions::default()).await.unwrap();
        channel.close(200, "taken".into()).await.unwrap();
        delivery
    }
}

/// The next message of `queue` within five seconds, still unacknowledged on the channel given back. By subscription, because a
/// queue with a single active consumer refuses `basic.get`.
pub async fn consume_one(connection: &Connection, queue: &str) -> (Channel, Delivery) {
    let channel = connection.create_channel().await.unwrap();
    channel.basic_qos(1, BasicQosOptions::default()).await.unwrap();
    let mut messages = channel
        .basic_consume(queue.into(), "".into(), BasicConsumeOptions::default(), FieldTable::default())
        .await
        .unwrap();
    let next = timeout(Duration::from_secs(5), messages.next()).await;
    let delivery = next.unwrap_or_else(|_| panic!("no message in {queue}")).unwrap().unwrap();
    (channel, delivery)
}

/// Messages ready in a queue, from the queue itself.
pub async fn ready(channel: &Channel, queue: &str) -> u32 {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.into(), passive, FieldTable::default()).await.unwrap().message_count()
}

pub async fn confirmed(connection: &Connection) -> Channel {
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    channel
}

/// Publishes one message, mandatory; gives whether it was confirmed, and whether it came back.
pub async fn publish(
    channel: &Channel,
    exchange: &str,
    key: &str,
    properties: BasicProperties,
) -> Result<(bool, bool), lapin::Error> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let confirm = channel
        .basic_publish(exchange.into(), key.into(), options, key.as_bytes(), properties.with_delivery_mode(2))
        .await?
        .await?;
    let acknowledged = matches!(confirm, Confirmation::Ack(_));
    Ok((acknowledged, confirm.take_message().is_some()))
}

/// The newest entry of the header `x-death`: reason and queue.
pub fn death(message: &Delivery) -> Option<(String, String)> {
    let headers = message.properties.headers().as_ref()?;
    let AMQPValue::FieldArray(deaths) = headers.inner().get("x-death")? else { return None };
    let AMQPValue::FieldTable(newest) = deaths.as_slice().first()? else { return None };
    let text = |name: &str| match newest.inner().get(name) {
        Some(AMQPValue::LongString(text)) => Some(text.to_string()),
        _ => None,
    };
    Some((text("reason")?, text("queue")?))
}
