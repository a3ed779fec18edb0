//! A19, V26: a province's account reaches its own queues and the hub, and nothing of another province.

use lapin::{
    BasicProperties, Channel, Connection, Error, ErrorKind, ExchangeKind,
    options::*,
    types::{AMQPValue, FieldArray, FieldTable},
};
use serde_json::Value;

use crate::kit::{Host, confirmed, directory, password, publish, ready, settings};

const PROVINCES: [(&str, &str, &str); 3] =
    [("37", "370102", "3701"), ("50", "500103", "5001"), ("62", "620102", "6201")];

async fn host() -> Host {
    Host::ready(
        &directory(&PROVINCES.map(|(_, code, _)| (code, &*Box::leak(Box::new([code])) as &[&str]))),
        &settings(),
    )
    .await
}

/// The broker's code for a refusal, on a channel of its own, because a refusal closes the channel.
async fn code<T>(
    connection: &Connection,
    attempt: impl AsyncFnOnce(&Channel) -> Result<T, Error>,
) -> Option<u16> {
    let channel = confirmed(connection).await;
    match attempt(&channel).await {
        Ok(_) => None,
        Err(error) => match error.kind() {
            ErrorKind::ProtocolError(amqp) => Some(amqp.get_id()),
            other => panic!("no answer of the broker: {other:?}"),
        },
    }
}

async fn refused<T>(
    what: &str,
    connection: &Connection,
    attempt: impl AsyncFnOnce(&Channel) -> Result<T, Error>,
) {
    assert_eq!(code(connection, attempt).await, Some(403), "{what}");
}

#[tokio::test]
async fn a_province_reaches_nothing_of_another() {
    let host = host().await;
    for (own, own_registry, own_city) in PROVINCES {
        let connection = host.connect_as(&format!("xz-province-{own}")).await;
        let own_queue = format!("registry.{own_registry}.demand");
        for (other, registry, city) in PROVINCES.into_iter().filter(|(other, ..)| *other != own) {
            let (queue, exchange) = (format!("registry.{registry}.demand"), format!("province.{other}"));
            let demand = format!("seizure.{other}.{city}.{registry}.registry");
            let what = |what: &str| format!("{own} on {other}: {what}");

            for (to, key) in [
                (format!("{exchange}.up"), format!("receipt.{other}.{registry}")),
                (exchange.clone(), demand.clone()),
                (format!("undelivered.{exchange}"), demand.clone()),
                (String::new(), queue.clone()),
            ] {
                let attempt = async |c: &Channel| publish(c, &to, &key, BasicProperties::default()).await;
                refused(&what(&format!("publish to {to:?}")), &connection, attempt).await;
            }
            for from in
                [queue.clone(), format!("undelivered.{exchange}"), format!("hub.undelivered.{exchange}")]
            {
                let name = from.as_str();
                refused(&what("get"), &connection, async |c| {
                    c.basic_get(name.into(), BasicGetOptions::default()).await
                })
                .await;
                refused(&what("consume"), &connection, async |c| {
                    c.basic_consume(
                        name.into(),
                        "".into(),
                        BasicConsumeOptions::default(),
                        FieldTable::default(),
                    )
                    .await
                })
                .await;
                refused(&what("purge"), &connection, async |c| {
                    c.queue_purge(name.into(), QueuePurgeOptions::default()).await
                })
                .await;
                refused(&what("delete"), &connection, async |c| {
                    c.queue_delete(name.into(), QueueDeleteOptions::default()).await
                })
                .await;
            }
            // Bind the other's road to the own queue, the own queue to everything, the other's queue to the own road.
            for (source, to, key) in [
                (exchange.as_str(), own_queue.as_str(), "#"),
                ("court", &own_queue, "#"),
                ("ministry", &own_queue, "#"),
                ("amq.topic", &own_queue, "#"),
                (&format!("province.{own}.up"), &queue, "#"),
                (&exchange, &queue, "#"),
            ] {
                refused(&what(&format!("bind {source} to {to}")), &connection, async |c| {
                    let options = QueueBindOptions::default();
                    c.queue_bind(to.into(), source.into(), key.into(), options, FieldTable::default()).await
                })
                .await;
            }
            refused(&what("unbind"), &connection, async |c| {
                let key = format!("*.{other}.{city}.{registry}.registry");
                c.queue_unbind(
                    queue.as_str().into(),
                    exchange.as_str().into(),
                    key.into(),
                    FieldTable::default(),
                )
                .await
            })
            .await;
            refused(&what("bind exchanges"), &connection, async |c| {
                let (to, from) = (format!("province.{own}.up"), format!("{exchange}.up"));
                let options = ExchangeBindOptions::default();
                c.exchange_bind(to.into(), from.into(), "#".into(), options, FieldTable::default()).await
            })
            .await;
            refused(&what("delete exchange"), &connection, async |c| {
                c.exchange_delete(exchange.as_str().into(), ExchangeDeleteOptions::default()).await
            })
            .await;
        }

        // Own things, but not this way.
        let what = |what: &str| format!("{own}: {what}");
        let own_demand = format!("seizure.{own}.{own_city}.{own_registry}.registry");
        for (to, key) in [
            ("court", own_demand.as_str()),
            ("ministry", &own_demand),
            ("ministry.up", "receipt.x"),
            ("hub.parked", ""),
            ("", &own_queue),
            ("", "hub.receipts"),
            ("amq.topic", "x"),
        ] {
            let attempt = async |c: &Channel| publish(c, to, key, BasicProperties::default()).await;
            refused(&what(&format!("publish to {to:?}")), &connection, attempt).await;
        }
        for from in [
            "hub.receipts",
            "hub.results",
            "hub.returns",
            "hub.local-receipts",
            "hub.parked",
            "undelivered.court",
        ] {
            refused(&what("get"), &connection, async |c| {
                c.basic_get(from.into(), BasicGetOptions::default()).await
            })
            .await;
        }
        refused(&what("delete own queue"), &connection, async |c| {
            c.queue_delete(own_queue.as_str().into(), QueueDeleteOptions::default()).await
        })
        .await;
        // A queue of one's own whose dead letters go to another province.
        for name in ["mine", "", "registry.999999.demand"] {
            refused(&what("declare a queue"), &connection, async |c| {
                let mut arguments = FieldTable::default();
                arguments
                    .insert("x-dead-letter-exchange".into(), AMQPValue::LongString("province.37.up".into()));
                c.queue_declare(name.into(), QueueDeclareOptions::default(), arguments).await
            })
            .await;
        }
        refused(&what("declare an exchange"), &connection, async |c| {
            let options = ExchangeDeclareOptions::default();
            c.exchange_declare("mine".into(), ExchangeKind::Topic, options, FieldTable::default()).await
        })
        .await;
    }
    // After all these attempts nothing has changed.
    let plan = host.plan().await;
    assert!(plan.is_empty() && plan.foreign.iter().all(|f| f.name == "xiezhi-admin"), "{plan}");
}

#[tokio::test]
async fn added_keys_reach_the_hub_and_nothing_else() {
    let host = host().await;
    let connection = host.connect_as("xz-province-37").await;
    let channel = confirmed(&connection).await;
    let keys = [
        "seizure.50.5001.500103.registry",
        "registry.500103.demand",
        "undelivered.province.50",
        "receipt.50.500103",
    ];
    for header in ["CC", "BCC"] {
        let list: Vec<_> = keys.iter().map(|key| AMQPValue::LongString((*key).into())).collect();
        let mut headers = FieldTable::default();
        headers.insert(header.into(), AMQPValue::FieldArray(FieldArray::from(list)));
        let properties = BasicProperties::default().with_headers(headers);
        assert_eq!(
            publish(&channel, "province.37.up", "result.37.370102", properties).await.unwrap(),
            (true, false)
        );
    }
    let admin = host.connect().await.create_channel().await.unwrap();
    let mut reached = Vec::new();
    for queue in host.topology.queues.keys() {
        if ready(&admin, queue).await > 0 {
            reached.push(queue.as_str());
        }
    }
    // The receipt key leads to the hub's own queue, where the sender's verified account is compared with the registry.
    assert_eq!(reached, ["hub.receipts", "hub.results"]);
}

#[tokio::test]
async fn an_account_cannot_speak_as_another() {
    let host = host().await;
    let connection = host.connect_as("xz-province-37").await;
    for other in ["xz-province-50", "xz-hub", "xiezhi-admin"] {
        let attempt = async |c: &Channel| {
            let properties = BasicProperties::default().with_user_id(other.into());
            publish(c, "province.37.up", "receipt.50.500103", properties).await
        };
        assert_eq!(code(&connection, attempt).await, Some(406), "{other}");
    }
    let own = BasicProperties::default().with_user_id("xz-province-37".into());
    let channel = confirmed(&connection).await;
    assert_eq!(publish(&channel, "province.37.up", "receipt.37.370102", own).await.unwrap(), (true, false));
    let hub = host.connect_as("xz-hub").await;
    let receipt = host.take(&hub, "hub.receipts").await;
    assert_eq!(receipt.properties.user_id().as_ref().map(|user| user.as_str()), Some("xz-province-37"));
}

#[tokio::test]
async fn the_management_api_is_closed_to_provinces_and_hub() {
    let host = host().await;
    for user in ["xz-province-37", "xz-hub"] {
        let secret = password(user);
        let as_user =
            harness::Management::new(host.rabbit.management_url(), Some((user, secret.expose()))).unwrap();
        for (method, path) in [
            ("GET", &["overview"][..]),
            ("GET", &["queues", &host.name]),
            ("DELETE", &["queues", &host.name, "registry.500103.demand"]),
            ("POST", &["queues", &host.name, "registry.500103.demand", "get"]),
            ("PUT", &["permissions", &host.name, user]),
        ] {
            let (status, _) =
                as_user.request(method.parse().unwrap(), path, Some(&Value::Null)).await.unwrap();
            assert_eq!(status.as_u16(), 401, "{user} {method} {path:?}");
        }
    }
}

/// What the broker's permissions do not cover, so that nobody relies on it: the number of messages in another's queue can be
/// asked for (a passive declare needs no right), and an account may empty its own queue (a purge needs only the right to read).
#[tokio::test]
async fn two_things_the_walls_do_not_stop() {
    let host = host().await;
    let connection = host.connect_as("xz-province-37").await;
    let channel = connection.create_channel().await.unwrap();
    assert_eq!(ready(&channel, "registry.500103.demand").await, 0);
    let own = "registry.370102.demand";
    channel.queue_purge(own.into(), QueuePurgeOptions::default()).await.unwrap();
}
