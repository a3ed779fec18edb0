//! The declared value and the plan, without a broker.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::json;
use xiezhi_schemas::{
    address::{Tier, demand_routing_key},
    message::Kind,
};

use super::*;

fn directory() -> Directory {
    let province = |code: &str, name: &str| Province { code: code.parse().unwrap(), name: name.into() };
    let registry = |code: &str, divisions: &[&str]| Registry {
        code: code.parse().unwrap(),
        name: format!("登记机构{code}"),
        divisions: divisions.iter().map(|d| d.parse().unwrap()).collect(),
    };
    Directory {
        provinces: vec![province("31", "上海市"), province("32", "江苏省"), province("62", "甘肃省")],
        registries: vec![
            registry("320104", &["320104"]),
            registry("320102", &["320102", "320105"]),
            registry("310115", &["310115"]),
        ],
        feedback_queues: ["court-a", "court-a.b"].map(|name| name.parse().unwrap()).into(),
    }
}

fn settings() -> Settings {
    Settings {
        delivery_window: std::time::Duration::from_secs(3600),
        max_length: 20_000,
        delivery_limit: 1_000_000,
    }
}

fn declared() -> Topology {
    Topology::declared(&directory(), &settings()).unwrap()
}

/// A broker that holds exactly `topology`.
fn holding(topology: &Topology) -> Running {
    let exchange = |e: &Exchange| RunningExchange {
        kind: e.kind.to_string(),
        durable: true,
        auto_delete: false,
        internal: false,
        arguments: e.arguments.clone(),
        policy: None,
    };
    let queue = |a: &Arguments| RunningQueue {
        durable: true,
        auto_delete: false,
        arguments: a.clone(),
        messages: 0,
        policy: None,
    };
    let binding = |b: &Binding| RunningBinding {
        binding: b.clone(),
        arguments: Arguments::new(),
        properties_key: b.key.clone(),
    };
    Running {
        exchanges: topology.exchanges.iter().map(|(n, e)| (n.clone(), exchange(e))).collect(),
        queues: topology.queues.iter().map(|(n, a)| (n.clone(), queue(a))).collect(),
        bindings: topology.bindings.iter().map(binding).collect(),
        users: topology.users.keys().map(|user| (user.clone(), Vec::new())).collect(),
        permissions: topology.users.clone(),
        ..Running::default()
    }
}

fn lines(plan: &Plan) -> Vec<(Verb, What, &str)> {
    plan.changes.iter().map(|change| (change.verb, change.what, change.name.as_str())).collect()
}

fn bound(source: &str, to: Destination, destination: &str, key: &str) -> RunningBinding {
    let binding = Binding { source: source.into(), to, destination: destination.into(), key: key.into() };
    RunningBinding { binding, arguments: Arguments::new(), properties_key: key.into() }
}

/// Follows a key through topic bindings, the way the broker does; gives the queues and the tiers whose road ended.
fn route(topology: &Topology, exchange: &str, key: &str, queues: &mut Vec<String>, ends: &mut Vec<String>) {
    fn matches(pattern: &[&str], words: &[&str]) -> bool {
        match (pattern, words) {
            ([], []) => true,
            (["#", rest @ ..], _) => (0..=words.len()).any(|n| matches(rest, &words[n..])),
            (["*", p @ ..], [_, w @ ..]) => matches(p, w),
            ([p, ps @ ..], [w, ws @ ..]) => p == w && matches(ps, ws),
            _ => false,
        }
    }
    let words: Vec<_> = key.split('.').collect();
    let fits = |b: &&Binding| b.source == exchange && matches(&b.key.split('.').collect::<Vec<_>>(), &words);
    let next: Vec<_> = topology.bindings.iter().filter(fits).collect();
    if next.is_empty() {
        ends.push(exchange.to_owned());
    }
    for binding in next {
        match binding.to {
            Destination::Queue => queues.push(binding.destination.clone()),
            Destination::Exchange => route(topology, &binding.destination, key, queues, ends),
        }
    }
}

#[test]
fn every_kind_for_every_division_reaches_one_registry() {
    let (topology, directory) = (declared(), directory());
    for registry in &directory.registries {
        for (division, kind) in registry.divisions.iter().flat_map(|d| Kind::ALL.map(|kind| (d, kind))) {
            let (mut queues, mut ends) = (Vec::new(), Vec::new());
            route(&topology, "court", &demand_routing_key(kind, division), &mut queues, &mut ends);
            assert_eq!((queues, ends), (vec![registry.code.demand_queue()], vec![]), "{kind:?} {division}");
        }
    }
}

#[test]
fn a_road_that_ends_ends_at_a_tier_with_a_catcher() {
    let topology = declared();
    for (key, tier) in [
        ("query.32.3201.320102.registry", "court"),
        ("seizure.44.4401.440103.registry", "ministry"),
        ("seizure.32.3201.320106.registry", "province.32"),
        ("lifting.62.6201.620102.registry", "province.62"),
        ("seizure.32.3201.320102.court", "province.32"),
    ] {
        let (mut queues, mut ends) = (Vec::new(), Vec::new());
        route(&topology, "court", key, &mut queues, &mut ends);
        assert_eq!((queues, ends), (vec![], vec![tier.to_owned()]), "{key}");
        let tier: Tier = tier.parse().unwrap();
        assert_eq!(
            topology.exchanges[&tier.exchange()].arguments["alternate-exchange"],
            tier.undelivered_exchange()
        );
        for queue in [tier.held_queue(), tier.recorded_queue()] {
            let caught = Binding {
                source: tier.undelivered_exchange(),
                to: Destination::Queue,
                destination: queue,
                key: String::new(),
            };
            assert!(topology.bindings.contains(&caught), "{caught}");
        }
    }
}

#[test]
fn a_registry_s_queue_loses_nothing_silently() {
    let topology = declared();
    let arguments = &topology.queues["registry.320102.demand"];
    let wanted = json!({
        "x-queue-type": "quorum", "x-single-active-consumer": true, "x-overflow": "reject-publish",
        "x-dead-letter-exchange": "undelivered.province.32", "x-dead-letter-strategy": "at-least-once",
        "x-max-length": 20_000, "x-delivery-limit": 1_000_000, "x-message-ttl": 3_600_000,
    });
    assert_eq!(serde_json::to_value(arguments).unwrap(), wanted);
    for (name, arguments) in &topology.queues {
        assert_eq!(arguments["x-queue-type"], "quorum", "{name}");
        if arguments.contains_key("x-dead-letter-exchange") {
            assert_eq!(arguments["x-dead-letter-strategy"], "at-least-once", "{name}");
            assert_eq!(
                arguments["x-overflow"], "reject-publish",
                "{name}: else at-least-once is not in force"
            );
            let target = arguments["x-dead-letter-exchange"].as_str().unwrap();
            assert_eq!(topology.exchanges[target].kind, ExchangeKind::Fanout, "{name}");
        }
    }
}

#[test]
fn a_court_s_feedback_reaches_its_own_queue_in_order_and_within_bounds() {
    let topology = declared();
    let wanted = json!({
        "x-queue-type": "quorum", "x-single-active-consumer": true, "x-overflow": "reject-publish",
        "x-max-length": 20_000, "x-delivery-limit": 1_000_000,
    });
    assert_eq!(serde_json::to_value(&topology.queues["court.feedback.court-a"]).unwrap(), wanted);
    assert_eq!(topology.exchanges["court.feedback"].kind, ExchangeKind::Direct);
    let from = |court: &str| -> Vec<_> {
        let fits = topology.bindings.iter().filter(|b| b.source == "court.feedback" && b.key == court);
        fits.map(|b| b.destination.as_str()).collect()
    };
    assert_eq!(from("court-a"), ["court.feedback.court-a"]);
    assert_eq!(from("court-a.b"), ["court.feedback.court-a.b"]);
    assert_eq!(from("court-b"), [""; 0]);

    // A court that reads its queue no more: road, queue and rights go.
    let fewer = Directory { feedback_queues: ["court-a".parse().unwrap()].into(), ..directory() };
    let plan = plan(&Topology::declared(&fewer, &settings()).unwrap(), &holding(&topology));
    let road = "court.feedback -[court-a.b]-> court.feedback.court-a.b";
    assert_eq!(
        lines(&plan),
        [
            (Verb::Delete, What::Permission, "xz-court-court-a.b"),
            (Verb::Delete, What::Binding, road),
            (Verb::Delete, What::Queue, "court.feedback.court-a.b"),
        ]
    );
    assert!(plan.drift.is_empty() && plan.foreign.is_empty());
}

/// A19: patterns are anchored and escaped, and name this province only.
#[test]
fn a_province_may_touch_its_own_and_nothing_else() {
    let topology = declared();
    let of = |user: &str| topology.users[user].clone();
    let permission = |write: &str, read: &str| Permission {
        configure: "^$".into(),
        write: write.into(),
        read: read.into(),
    };
    assert_eq!(
        of("xz-province-32"),
        permission(r"^province\.32\.up$", r"^registry\.(320102|320104)\.demand$")
    );
    assert_eq!(of("xz-province-31"), permission(r"^province\.31\.up$", r"^registry\.(310115)\.demand$"));
    assert_eq!(of("xz-province-62"), permission(r"^province\.62\.up$", "^$"));
    assert_eq!(of("xz-court-court-a"), permission("^$", r"^court\.feedback\.court-a$"));
    assert_eq!(of("xz-court-court-a.b"), permission("^$", r"^court\.feedback\.court-a\.b$"));
    assert_eq!(topology.users.len(), 6);
    assert_eq!(of("xz-hub").configure, "^$");
}

#[test]
fn a_directory_that_contradicts_itself_is_refused() {
    let refused = |change: fn(&mut Directory)| {
        let mut directory = directory();
        change(&mut directory);
        let error = Topology::declared(&directory, &settings()).unwrap_err();
        assert_eq!(error.code(), "HUB-2105");
        error.to_string()
    };
    assert!(refused(|d| drop(d.provinces.remove(0))).contains("310115"));
    assert!(refused(|d| d.provinces.push(d.provinces[0].clone())).contains("31 is listed twice"));
    assert!(refused(|d| d.registries.push(d.registries[0].clone())).contains("320104 is listed twice"));
    let twice = refused(|d| d.registries[0].divisions.push("320105".parse().unwrap()));
    assert!(twice.contains("320105") && twice.contains("320104") && twice.contains("320102"), "{twice}");
    assert!(
        refused(|d| d.registries[0].divisions.push("310101".parse().unwrap())).contains("another province")
    );
}

#[test]
fn settings_that_the_broker_cannot_hold_are_refused() {
    let secs = std::time::Duration::from_secs;
    for bad in [
        Settings { delivery_window: secs(0), ..settings() },
        Settings { delivery_window: secs(50 * 86_400), ..settings() },
        Settings { max_length: 0, ..settings() },
        Settings { delivery_limit: 0, ..settings() },
    ] {
        assert_eq!(Topology::declared(&directory(), &bad).unwrap_err().code(), "HUB-2106", "{bad:?}");
    }
}

#[test]
fn nothing_differs_from_itself() {
    let plan = plan(&declared(), &holding(&declared()));
    assert!(plan.is_empty(), "{plan}");
    assert!(plan.summary().starts_with("No changes"), "{}", plan.summary());
}

#[test]
fn an_empty_broker_lacks_everything_in_an_order_that_loses_nothing() {
    let topology = declared();
    let plan = plan(&topology, &Running::default());
    assert!(plan.changes.iter().all(|change| change.verb == Verb::Create));
    let users = 2 * topology.users.len();
    let all = topology.exchanges.len() + topology.queues.len() + topology.bindings.len() + users;
    assert_eq!(plan.changes.len(), all);
    let at = |name: &str| plan.changes.iter().position(|change| change.name == name).unwrap();
    let order = [
        "undelivered.province.32",
        "undelivered.province.32 -[]-> undelivered.province.32",
        "province.32",
        "registry.320102.demand",
        "province.32 -[*.32.3201.320105.registry]-> registry.320102.demand",
        "ministry -[*.32.#]-> province.32",
        "court -[seizure.#]-> ministry",
        "xz-province-32",
    ];
    let places: Vec<_> = order.into_iter().map(at).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(!plan.to_string().contains("password of"), "{plan}");
}

#[test]
fn lost_bindings_are_made_again_and_old_ones_go() {
    let mut running = holding(&declared());
    running.bindings.retain(|b| b.binding.key != "*.32.3201.320105.registry");
    running.bindings.push(bound(
        "province.32",
        Destination::Queue,
        "registry.320104.demand",
        "*.32.3201.320105.registry",
    ));
    let plan = plan(&declared(), &running);
    // The old one first: a division that moves is never delivered to both.
    assert_eq!(
        lines(&plan),
        [
            (
                Verb::Delete,
                What::Binding,
                "province.32 -[*.32.3201.320105.registry]-> registry.320104.demand"
            ),
            (
                Verb::Create,
                What::Binding,
                "province.32 -[*.32.3201.320105.registry]-> registry.320102.demand"
            ),
        ]
    );
    assert!(plan.drift.is_empty());
}

#[test]
fn taps_and_side_roads_are_drift_and_what_lies_beside_is_foreign() {
    let mut running = holding(&declared());
    let journal = running.queues["hub.receipts"].clone();
    running.queues.insert("journal".into(), journal);
    running.exchanges.insert("audit".into(), running.exchanges["hub.parked"].clone());
    running.permissions.insert("guest".into(), declared().users["xz-hub"].clone());
    running.bindings.extend([
        bound("ministry", Destination::Queue, "journal", "#"),
        bound("province.32.up", Destination::Exchange, "audit", "#"),
        bound("amq.topic", Destination::Queue, "registry.320102.demand", "x"),
        bound("audit", Destination::Queue, "journal", ""),
    ]);
    let plan = plan(&declared(), &running);
    assert_eq!(lines(&plan), []);
    let drift: Vec<_> = plan.drift.iter().map(|d| (d.code, d.name.as_str())).collect();
    assert_eq!(
        drift,
        [
            ("HUB-2121", "ministry -[#]-> journal"),
            ("HUB-2121", "province.32.up -[#]-> audit"),
            ("HUB-2122", "amq.topic -[x]-> registry.320102.demand"),
        ]
    );
    let foreign: Vec<_> = plan.foreign.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(foreign, ["audit", "journal", "audit -[]-> journal", "guest"]);
    assert!(!plan.is_empty());
}

#[test]
fn policies_and_topic_permissions_that_bend_the_road_are_drift() {
    let mut running = holding(&declared());
    running.queues.get_mut("registry.320102.demand").unwrap().policy = Some("short".into());
    running.exchanges.get_mut("court").unwrap().policy = Some("other-alternate".into());
    running.operator_policies.push("limits".into());
    running.topic_permissions.push(("xz-hub".into(), "court".into()));
    running.topic_permissions.push(("guest".into(), "court".into()));
    let codes: Vec<_> = plan(&declared(), &running).drift.iter().map(|d| d.code).collect();
    assert_eq!(codes, ["HUB-2123", "HUB-2123", "HUB-2125", "HUB-2124"]);
}

#[test]
fn what_cannot_be_changed_in_place_is_replaced_with_its_bindings_unless_it_is_filled() {
    let mut running = holding(&declared());
    let queue = running.queues.get_mut("registry.320102.demand").unwrap();
    queue.arguments.insert("x-max-length".into(), json!(5));
    queue.arguments.remove("x-message-ttl");
    queue.arguments.insert("x-dead-letter-routing-key".into(), json!("dead"));
    running.exchanges.get_mut("court").unwrap().arguments.clear();
    let first = plan(&declared(), &running);
    let replaced: Vec<_> = first.changes.iter().filter(|c| c.verb == Verb::Replace).collect();
    assert_eq!(
        replaced.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
        ["court", "registry.320102.demand"]
    );
    assert_eq!(
        replaced[1].detail,
        "x-dead-letter-routing-key is \"dead\", should not be set; x-max-length is 5, should be 20000; x-message-ttl is not set, \
         should be 3600000"
    );
    // Four kinds lead from the court, two divisions to the queue.
    assert_eq!(first.changes.iter().filter(|c| c.verb == Verb::Create && c.what == What::Binding).count(), 6);
    assert!(replaced.iter().all(|c| c.blocked.is_none()));

    running.queues.get_mut("registry.320102.demand").unwrap().messages = 3;
    let filled = plan(&declared(), &running);
    let queue = filled.changes.iter().find(|c| c.name == "registry.320102.demand").unwrap();
    assert!(queue.blocked.as_ref().unwrap().contains("3 messages"), "{queue:?}");
}

#[test]
fn a_user_with_tags_or_other_rights_is_put_right() {
    let mut running = holding(&declared());
    running.users.insert("xz-province-31".into(), vec!["management".into()]);
    running.permissions.get_mut("xz-province-32").unwrap().read = ".*".into();
    running.permissions.remove("xz-province-62");
    assert_eq!(
        lines(&plan(&declared(), &running)),
        [
            (Verb::Update, What::User, "xz-province-31"),
            (Verb::Update, What::Permission, "xz-province-32"),
            (Verb::Create, What::Permission, "xz-province-62"),
        ]
    );
}

/// R3: the end of a region is a change of data; what was accepted before is wound up.
#[test]
fn a_province_that_ended_is_taken_down_when_its_queues_are_empty() {
    let mut after = directory();
    after.provinces.retain(|p| p.code.as_str() != "32");
    after.registries.retain(|r| r.code.as_str() == "310115");
    let after = Topology::declared(&after, &settings()).unwrap();
    let mut running = holding(&declared());

    let empty = plan(&after, &running);
    assert!(empty.changes.iter().all(|c| c.verb == Verb::Delete && c.blocked.is_none()), "{empty}");
    for name in ["province.32", "undelivered.province.32", "registry.320104.demand", "xz-province-32"] {
        assert!(empty.changes.iter().any(|c| c.name == name), "{name}: {empty}");
    }

    running.queues.get_mut("registry.320104.demand").unwrap().messages = 1;
    let filled = plan(&after, &running);
    let blocked: Vec<_> =
        filled.changes.iter().filter(|c| c.blocked.is_some()).map(|c| c.name.as_str()).collect();
    assert_eq!(
        blocked,
        ["xz-province-32", "province.32.up", "registry.320104.demand", "undelivered.province.32"],
        "{filled}"
    );
    // The way in is closed all the same.
    assert!(filled.changes.iter().any(|c| c.name == "province.32" && c.blocked.is_none()));
}

#[test]
fn a_plan_reads_like_a_plan() {
    let mut running = holding(&declared());
    running.queues.remove("hub.parked");
    running.bindings.push(bound("court", Destination::Queue, "journal", "#"));
    let plan = plan(&declared(), &running);
    let text = plan.to_string();
    assert!(text.contains("  + queue      hub.parked\n"), "{text}");
    assert!(text.contains("  ! binding    court -[#]-> journal\n"), "{text}");
    assert!(text.contains("1 to create, 0 to update, 0 to replace, 0 to delete; 1 drifted"), "{text}");
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["changes"][0]["verb"], "create");
    assert_eq!(json["changes"][0]["what"], "queue");
    assert_eq!(json["drift"][0]["code"], "HUB-2121");
}

#[test]
fn secrets_are_not_shown() {
    assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(hidden)");
}
