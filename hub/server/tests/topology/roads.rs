//! What the topology is there for: demands arrive, what cannot arrive is caught at the tier where its road ends.

use std::time::Duration;

use hub::topology::Settings;
use lapin::{BasicProperties, options::BasicRejectOptions, types::ShortString};
use serde_json::json;

use crate::kit::{Host, confirmed, consume_one, death, directory, publish, ready, settings};

const REGISTRIES: &[(&str, &[&str])] = &[("320102", &["320102", "320104"]), ("310115", &["310115"])];

async fn counts(channel: &lapin::Channel, host: &Host) -> Vec<(String, u32)> {
    let mut filled = Vec::new();
    for queue in host.topology.queues.keys() {
        let messages = ready(channel, queue).await;
        if messages > 0 {
            filled.push((queue.clone(), messages));
        }
    }
    filled
}

fn filled(queues: &[&str]) -> Vec<(String, u32)> {
    queues.iter().map(|queue| ((*queue).to_owned(), 1)).collect()
}

#[tokio::test]
async fn one_publish_travels_to_one_registry() {
    let host = Host::ready(&directory(REGISTRIES), &settings()).await;
    let connection = host.connect_as("xz-hub").await;
    let channel = confirmed(&connection).await;
    let admin = host.connect().await;
    let look = admin.create_channel().await.unwrap();
    for (key, queue) in [
        ("seizure.32.3201.320102.registry", "registry.320102.demand"),
        ("renewal.32.3201.320104.registry", "registry.320102.demand"),
        ("lifting.31.3101.310115.registry", "registry.310115.demand"),
        ("waiting.31.3101.310115.registry", "registry.310115.demand"),
    ] {
        assert_eq!(publish(&channel, "court", key, BasicProperties::default()).await.unwrap(), (true, false));
        assert_eq!(counts(&look, &host).await, filled(&[queue]), "{key}");
        assert_eq!(host.take(&admin, queue).await.routing_key.as_str(), key);
    }
}

#[tokio::test]
async fn what_cannot_be_routed_is_caught_at_the_tier_where_its_road_ends_and_confirmed() {
    let host = Host::ready(&directory(REGISTRIES), &settings()).await;
    let connection = host.connect_as("xz-hub").await;
    let channel = confirmed(&connection).await;
    let admin = host.connect().await;
    let look = admin.create_channel().await.unwrap();
    for (key, tier) in [
        ("query.32.3201.320102.registry", "court"),
        ("seizure.44.4401.440103.registry", "ministry"),
        ("seizure.32.3201.320106.registry", "province.32"),
        ("lifting.31.3101.310104.registry", "province.31"),
    ] {
        let properties = BasicProperties::default().with_message_id(key.into());
        // Confirmed and not returned: the catcher is a road too.
        assert_eq!(publish(&channel, "court", key, properties).await.unwrap(), (true, false), "{key}");
        let (recorded, held) = (format!("hub.undelivered.{tier}"), format!("undelivered.{tier}"));
        assert_eq!(counts(&look, &host).await, filled(&[&recorded, &held]), "{key}");
        for queue in [recorded, held] {
            let caught = host.take(&admin, &queue).await;
            assert_eq!(caught.routing_key.as_str(), key);
            assert_eq!(caught.properties.message_id().as_ref().map(ShortString::as_str), Some(key));
            // It shows the outermost exchange, not the one whose road ended: hence one recorded queue for each tier.
            assert_eq!(caught.exchange.as_str(), "court");
        }
    }
}

/// Why nothing may hang on a routing exchange, and why a plan calls it drift.
#[tokio::test]
async fn a_tap_swallows_what_cannot_be_routed() {
    let host = Host::ready(&directory(REGISTRIES), &settings()).await;
    for (path, body) in [
        (&["queues", "{v}", "tap"][..], json!({"durable": true})),
        (&["bindings", "{v}", "e", "province.32", "q", "tap"], json!({"routing_key": "#", "arguments": {}})),
    ] {
        let method = if path[0] == "queues" { "PUT" } else { "POST" };
        assert!(host.api(method, path, body).await.0 < 300);
    }
    let connection = host.connect().await;
    let channel = confirmed(&connection).await;
    let key = "seizure.32.3201.320106.registry";
    assert_eq!(publish(&channel, "court", key, BasicProperties::default()).await.unwrap(), (true, false));
    host.take(&connection, "tap").await;
    assert_eq!(
        counts(&channel, &host).await,
        [],
        "a broker that now catches it too would make this rule needless"
    );
    let plan = host.plan().await;
    assert_eq!(plan.drift.iter().map(|d| d.code).collect::<Vec<_>>(), ["HUB-2121"], "{plan}");
}

#[tokio::test]
async fn an_expired_demand_is_held_and_recorded_by_its_province_under_its_own_key() {
    let short = Settings { delivery_window: Duration::from_millis(200), ..settings() };
    let host = Host::ready(&directory(REGISTRIES), &short).await;
    let connection = host.connect().await;
    let channel = confirmed(&connection).await;
    let key = "seizure.32.3201.320104.registry";
    assert_eq!(publish(&channel, "court", key, BasicProperties::default()).await.unwrap(), (true, false));
    for queue in ["undelivered.province.32", "hub.undelivered.province.32"] {
        let dead = host.take(&connection, queue).await;
        assert_eq!(death(&dead), Some(("expired".into(), "registry.320102.demand".into())), "{queue}");
        assert_eq!(dead.routing_key.as_str(), key, "{queue}");
    }
    assert_eq!(counts(&channel, &host).await, []);
}

#[tokio::test]
async fn a_parked_demand_is_held_and_recorded_by_its_province() {
    let host = Host::ready(&directory(REGISTRIES), &settings()).await;
    let connection = host.connect().await;
    let channel = confirmed(&connection).await;
    let key = "lifting.31.3101.310115.registry";
    assert_eq!(publish(&channel, "court", key, BasicProperties::default()).await.unwrap(), (true, false));
    let connector = host.connect_as("xz-province-31").await;
    let (parks, taken) = consume_one(&connector, "registry.310115.demand").await;
    parks.basic_reject(taken.delivery_tag, BasicRejectOptions { requeue: false }).await.unwrap();
    for queue in ["undelivered.province.31", "hub.undelivered.province.31"] {
        let dead = host.take(&connection, queue).await;
        assert_eq!(death(&dead), Some(("rejected".into(), "registry.310115.demand".into())), "{queue}");
    }
}

/// A42: the broker refuses what a full queue cannot take; it drops nothing.
#[tokio::test]
async fn a_full_queue_refuses_and_keeps_what_it_has() {
    let small = Settings { max_length: 3, ..settings() };
    let host = Host::ready(&directory(REGISTRIES), &small).await;
    let connection = host.connect().await;
    let channel = confirmed(&connection).await;
    let (mut taken, mut refused) = (0, 0);
    // The limit is soft: a quorum queue notices some messages late.
    for n in 0..200 {
        let properties = BasicProperties::default().with_message_id(n.to_string().into());
        let (confirmed, returned) =
            publish(&channel, "court", "seizure.31.3101.310115.registry", properties).await.unwrap();
        assert!(!returned);
        if confirmed { taken += 1 } else { refused += 1 }
    }
    assert!(refused > 0, "{taken} were taken");
    // Everything confirmed is there, and nothing was pushed out into the dead letters.
    let found = counts(&channel, &host).await;
    assert_eq!(found, [("registry.310115.demand".to_owned(), taken)]);
}

#[tokio::test]
async fn what_comes_up_reaches_the_hub_and_the_unknown_is_parked() {
    let host = Host::ready(&directory(REGISTRIES), &settings()).await;
    let connection = host.connect_as("xz-province-32").await;
    let channel = confirmed(&connection).await;
    let hub = host.connect_as("xz-hub").await;
    for (key, queue) in [
        ("receipt.32.320102", "hub.receipts"),
        ("result.32.320102", "hub.results"),
        ("return.32.320102", "hub.returns"),
        ("local-receipt.32.320102", "hub.local-receipts"),
        ("gossip.32.320102", "hub.parked"),
    ] {
        let sent = publish(&channel, "province.32.up", key, BasicProperties::default()).await.unwrap();
        assert_eq!(sent, (true, false), "{key}");
        assert_eq!(host.take(&hub, queue).await.routing_key.as_str(), key);
    }
    // What the hub rejects is parked.
    publish(&channel, "province.32.up", "receipt.32.320102", BasicProperties::default()).await.unwrap();
    let (rejects, bad) = consume_one(&hub, "hub.receipts").await;
    rejects.basic_reject(bad.delivery_tag, BasicRejectOptions { requeue: false }).await.unwrap();
    assert_eq!(death(&host.take(&hub, "hub.parked").await), Some(("rejected".into(), "hub.receipts".into())));
}
