//! What others do to the broker is found; what may be mended is mended, what needs a person is said.

use std::time::Duration;

use hub::topology::*;
use lapin::{BasicProperties, options::BasicAckOptions};
use serde_json::{Value, json};

use crate::kit::{Host, confirmed, consume_one, directory, publish, settings};

const ALLOW: ApplyOptions = ApplyOptions { allow_replace: true, rotate_passwords: false };

fn named<'a>(plan: &'a Plan, name: &str) -> &'a Change {
    plan.changes.iter().find(|change| change.name == name).unwrap_or_else(|| panic!("no {name}: {plan}"))
}

#[tokio::test]
async fn what_was_taken_away_is_put_back_and_what_was_added_to_our_road_is_named() {
    let host = Host::ready(&directory(&[("330102", &["330102", "330105"])]), &settings()).await;
    let put = async |method: &str, path: &[&str], body: Value| {
        let (status, answer) = host.api(method, path, body).await;
        assert!(status < 300, "{path:?}: {status} {answer}");
    };
    let key = "*.33.3301.330105.registry";
    let road = ["bindings", "{v}", "e", "province.33", "q", "registry.330102.demand"];
    put("DELETE", &[&road[..], &[&key.replace('*', "%2A")]].concat(), Value::Null).await;
    put("POST", &road, json!({"routing_key": "*.33.3301.330108.registry", "arguments": {}})).await;
    put("DELETE", &["queues", "{v}", "hub.undelivered.ministry"], Value::Null).await;
    put(
        "PUT",
        &["permissions", "{v}", "xz-province-33"],
        json!({"configure": "", "write": ".*", "read": ".*"}),
    )
    .await;
    put("PUT", &["users", "xz-province-33"], json!({"password": "pw-xz-province-33", "tags": "management"}))
        .await;
    put("PUT", &["queues", "{v}", "journal"], json!({"durable": true})).await;
    put(
        "POST",
        &["bindings", "{v}", "e", "ministry", "q", "journal"],
        json!({"routing_key": "#", "arguments": {}}),
    )
    .await;
    put(
        "PUT",
        &["policies", "{v}", "short"],
        json!({"pattern": "^registry", "apply-to": "queues", "definition": {"max-length": 1}}),
    )
    .await;
    put(
        "PUT",
        &["operator-policies", "{v}", "caps"],
        json!({"pattern": "^u", "apply-to": "queues", "definition": {"max-length": 1}}),
    )
    .await;
    put(
        "PUT",
        &["topic-permissions", "{v}", "xz-hub"],
        json!({"exchange": "court", "write": "^$", "read": "^$"}),
    )
    .await;

    let found = host.plan().await;
    let mut changes: Vec<_> = found.changes.iter().map(|c| (c.verb, c.what, c.name.as_str())).collect();
    changes.sort_by_key(|(_, what, name)| (*what, *name));
    assert_eq!(
        changes,
        [
            (Verb::Create, What::Queue, "hub.undelivered.ministry"),
            (
                Verb::Create,
                What::Binding,
                "province.33 -[*.33.3301.330105.registry]-> registry.330102.demand"
            ),
            (
                Verb::Delete,
                What::Binding,
                "province.33 -[*.33.3301.330108.registry]-> registry.330102.demand"
            ),
            (Verb::Create, What::Binding, "undelivered.ministry -[]-> hub.undelivered.ministry"),
            (Verb::Update, What::User, "xz-province-33"),
            (Verb::Update, What::Permission, "xz-province-33"),
        ],
        "{found}"
    );
    let mut drift: Vec<_> = found.drift.iter().map(|d| (d.code, d.name.as_str())).collect();
    drift.sort_unstable();
    assert_eq!(
        drift,
        [
            ("HUB-2121", "ministry -[#]-> journal"),
            ("HUB-2123", "registry.330102.demand"),
            ("HUB-2124", "caps"),
            ("HUB-2125", "xz-hub"),
        ],
        "{found}"
    );
    assert!(found.foreign.iter().any(|f| f.what == What::Queue && f.name == "journal"));

    host.apply(&found, ApplyOptions::default()).await.unwrap();
    let left = host.plan().await;
    assert!(left.changes.is_empty(), "{left}");
    assert_eq!(left.drift.len(), 4, "a person must mend these: {left}");
    // Taking away the tag kept the password.
    host.connect_as("xz-province-33").await;

    put("DELETE", &["queues", "{v}", "journal"], Value::Null).await;
    put("DELETE", &["policies", "{v}", "short"], Value::Null).await;
    put("DELETE", &["operator-policies", "{v}", "caps"], Value::Null).await;
    put("DELETE", &["topic-permissions", "{v}", "xz-hub"], Value::Null).await;
    let clean = host.plan().await;
    assert!(clean.is_empty(), "{clean}");
}

#[tokio::test]
async fn a_queue_is_replaced_only_when_allowed_and_empty_and_keeps_its_road() {
    let mut host = Host::ready(&directory(&[("340102", &["340102", "340103"])]), &settings()).await;
    let queue = "registry.340102.demand";
    let longer = Settings { max_length: 2000, ..settings() };
    host.topology = Topology::declared(&directory(&[("340102", &["340102", "340103"])]), &longer).unwrap();

    let not_allowed = host.apply(&host.plan().await, ApplyOptions::default()).await.unwrap();
    assert_eq!(not_allowed.refused.len(), 1, "{not_allowed:?}");
    assert_eq!((not_allowed.refused[0].code, not_allowed.refused[0].name.as_str()), ("HUB-2110", queue));

    // Held unacknowledged by a connector: the broker's statistics may still say that the queue is empty.
    let connection = host.connect().await;
    let channel = confirmed(&connection).await;
    let key = "seizure.34.3401.340102.registry";
    assert_eq!(publish(&channel, "court", key, BasicProperties::default()).await.unwrap(), (true, false));
    let (connector, held) = consume_one(&connection, queue).await;
    let plan = host.plan().await;
    assert_eq!(named(&plan, queue).verb, Verb::Replace);
    let filled = host.apply(&plan, ALLOW).await.unwrap();
    assert_eq!(filled.refused.iter().map(|r| r.code).collect::<Vec<_>>(), ["HUB-2111"], "{filled:?}");
    // Its road stands: the next demand arrives.
    assert_eq!(publish(&channel, "court", key, BasicProperties::default()).await.unwrap(), (true, false));
    connector.basic_ack(held.delivery_tag, BasicAckOptions::default()).await.unwrap();
    connector.close(200, "drained".into()).await.unwrap();
    host.take(&connection, queue).await;

    // The broker counts what a queue holds every few seconds only; until then the plan rightly calls it blocked.
    let unblocked =
        harness::wait::until("the queue to count as empty", Duration::from_secs(20), async || {
            let plan = host.plan().await;
            named(&plan, queue).blocked.is_none().then_some(plan)
        });
    let done = host.apply(&unblocked.await.unwrap(), ALLOW).await.unwrap();
    assert_eq!(done.refused, [], "{done:?}");
    let after = host.plan().await;
    assert!(after.is_empty(), "{after}");
    let other = "lifting.34.3401.340103.registry";
    assert_eq!(publish(&channel, "court", other, BasicProperties::default()).await.unwrap(), (true, false));
    host.take(&connection, queue).await;
}

/// R3: a registry or a province ends by a change of data.
#[tokio::test]
async fn what_is_no_longer_declared_goes_and_its_demands_become_undelivered() {
    let before = directory(&[("350102", &["350102"]), ("350104", &["350104"]), ("360102", &["360102"])]);
    let mut host = Host::ready(&before, &settings()).await;
    let after = directory(&[("350104", &["350102", "350104"])]);
    host.topology = Topology::declared(&after, &settings()).unwrap();
    let report = host.apply(&host.plan().await, ApplyOptions::default()).await.unwrap();
    assert_eq!(report.refused, [], "{report:?}");
    let plan = host.plan().await;
    assert!(plan.is_empty() && plan.foreign.iter().all(|f| f.what == What::Permission), "{plan}");

    let connection = host.connect().await;
    let channel = confirmed(&connection).await;
    for (key, queue) in [
        ("seizure.35.3501.350102.registry", "registry.350104.demand"),
        ("seizure.36.3601.360102.registry", "undelivered.ministry"),
    ] {
        assert_eq!(publish(&channel, "court", key, BasicProperties::default()).await.unwrap(), (true, false));
        assert_eq!(host.take(&connection, queue).await.routing_key.as_str(), key);
    }
}
