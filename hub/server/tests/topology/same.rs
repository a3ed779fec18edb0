//! Applied once, the broker is equal to the value; applied again, nothing changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use hub::topology::*;
use lapin::{Connection, ConnectionProperties};
use serde_json::{Value, json};

use crate::kit::{Host, directory, password, settings};

#[tokio::test]
async fn what_is_applied_is_what_runs() {
    let directory =
        directory(&[("110101", &["110101", "110102"]), ("110105", &["110105"]), ("120101", &["120101"])]);
    let host = Host::empty(&directory, &settings()).await;
    let first = host.plan().await;
    assert!(
        first.changes.iter().all(|change| change.verb == Verb::Create && change.blocked.is_none()),
        "{first}"
    );
    assert!(first.drift.is_empty(), "{first}");

    let seen = Mutex::new(Vec::new());
    let progress = |at: Progress<'_>| seen.lock().unwrap().push((at.done, at.total));
    let report =
        apply(&host.broker, &first, &host.passwords(), ApplyOptions::default(), &progress).await.unwrap();
    assert_eq!((report.applied, &report.refused), (first.changes.len(), &vec![]));
    let mut seen = seen.into_inner().unwrap();
    seen.sort_unstable();
    assert_eq!(seen, (1..=first.changes.len()).map(|n| (n, first.changes.len())).collect::<Vec<_>>());

    let second = host.plan().await;
    assert!(second.is_empty() && second.changes.is_empty(), "{second}");
    equals_definitions(&host).await;

    // The first plan again, as if its end had been cut off: every change may be repeated.
    host.apply(&first, ApplyOptions::default()).await.unwrap();
    assert!(host.plan().await.is_empty());
}

/// V25 with other eyes: the broker's own export against the value, without our reading of the lists.
async fn equals_definitions(host: &Host) {
    let (status, defined) = host.api("GET", &["definitions", "{v}"], Value::Null).await;
    assert_eq!(status, 200);
    let list = |name: &str| defined[name].as_array().cloned().unwrap_or_default();
    let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();

    let exchanges: BTreeMap<_, _> = list("exchanges").into_iter().map(|e| (text(&e, "name"), e)).collect();
    assert_eq!(exchanges.keys().collect::<Vec<_>>(), host.topology.exchanges.keys().collect::<Vec<_>>());
    for (name, exchange) in &host.topology.exchanges {
        let is = &exchanges[name];
        let wanted = json!({"name": name, "type": exchange.kind, "durable": true, "auto_delete": false,
            "internal": false, "arguments": exchange.arguments});
        assert_eq!(is, &wanted);
    }
    let queues: BTreeMap<_, _> = list("queues").into_iter().map(|q| (text(&q, "name"), q)).collect();
    assert_eq!(queues.keys().collect::<Vec<_>>(), host.topology.queues.keys().collect::<Vec<_>>());
    for (name, arguments) in &host.topology.queues {
        assert_eq!(queues[name]["arguments"], json!(arguments), "{name}");
        assert_eq!(queues[name]["durable"], true, "{name}");
        assert_eq!(queues[name]["auto_delete"], false, "{name}");
    }
    let bindings: BTreeSet<_> = list("bindings")
        .into_iter()
        .map(|b| {
            (
                text(&b, "source"),
                text(&b, "destination_type"),
                text(&b, "destination"),
                text(&b, "routing_key"),
            )
        })
        .collect();
    let to = |to| if to == Destination::Queue { "queue" } else { "exchange" }.to_owned();
    let wanted: BTreeSet<_> = host
        .topology
        .bindings
        .iter()
        .map(|b| (b.source.clone(), to(b.to), b.destination.clone(), b.key.clone()))
        .collect();
    assert_eq!(bindings, wanted);
    assert_eq!(list("policies"), [] as [Value; 0]);

    for (user, permission) in &host.topology.users {
        let (_, is) = host.api("GET", &["permissions", "{v}", user], Value::Null).await;
        let Permission { configure, write, read } = permission;
        assert_eq!(
            is,
            json!({"user": user, "vhost": host.name, "configure": configure, "write": write, "read": read})
        );
        let (_, is) = host.api("GET", &["users", user], Value::Null).await;
        assert_eq!(is["tags"], json!([]), "{user}");
    }
}

#[tokio::test]
async fn nothing_is_touched_when_a_password_is_missing_and_no_plan_shows_one() {
    // A province that no other test uses: its user must not exist yet.
    let directory = directory(&[("540102", &["540102"])]);
    let host = Host::empty(&directory, &settings()).await;
    let plan = host.plan().await;
    let none = BTreeMap::new();
    let error = apply(&host.broker, &plan, &none, ApplyOptions::default(), &|_| {}).await.unwrap_err();
    assert_eq!(error.code(), "HUB-2107");
    assert!(error.to_string().contains("xz-province-54"), "{error}");
    assert!(host.broker.running().await.unwrap().exchanges.is_empty());

    let report = host.apply(&plan, ApplyOptions::default()).await.unwrap();
    assert!(report.passwords_set >= 1, "{report:?}");
    let shown = format!("{plan}{plan:?}{}{report:?}{:?}", json!(plan), host.broker);
    assert!(!shown.contains("pw-xz"), "{shown}");
    assert!(!shown.contains(host.rabbit.credentials().1), "{shown}");
}

#[tokio::test]
async fn passwords_of_users_that_exist_change_only_when_asked() {
    let directory = directory(&[("460105", &["460105"])]);
    let host = Host::ready(&directory, &settings()).await;
    let user = "xz-province-46";
    let works = async |secret: &str| {
        Connection::connect(&host.url(user, secret), ConnectionProperties::default()).await.is_ok()
    };
    let new = BTreeMap::from([(user.to_owned(), Secret::new("new"))]);
    let empty = host.plan().await;
    apply(&host.broker, &empty, &new, ApplyOptions::default(), &|_| {}).await.unwrap();
    assert!(works(password(user).expose()).await);
    let rotate = ApplyOptions { rotate_passwords: true, ..ApplyOptions::default() };
    let report = apply(&host.broker, &empty, &new, rotate, &|_| {}).await.unwrap();
    assert_eq!(report.passwords_set, 1);
    assert!(works("new").await && !works(password(user).expose()).await);
}

#[tokio::test]
async fn a_broker_that_cannot_be_used_is_named_with_what_to_do() {
    let host = Host::empty(&directory(&[]), &settings()).await;
    let url = host.rabbit.management_url();
    let (user, secret) = host.rabbit.credentials();
    let code = async |url: &str, vhost: &str, user: &str, secret: &str| {
        let error = Broker::connect(url, vhost, user, Secret::new(secret)).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(secret.is_empty() || !shown.contains(secret), "{shown}");
        error.code()
    };
    assert_eq!(code(url, "no-such-host", user, secret).await, "HUB-2109");
    assert_eq!(code(url, &host.name, user, "wrong-password").await, "HUB-2102");
    assert_eq!(code("http://127.0.0.1:1", &host.name, user, secret).await, "HUB-2101");
    assert_eq!(code("amqp://127.0.0.1:1", &host.name, user, secret).await, "HUB-2104");
    assert_eq!(code("http://a:hidden@127.0.0.1:1", &host.name, user, "hidden").await, "HUB-2104");
    assert_eq!(code("not a url", &host.name, user, secret).await, "HUB-2104");
}
