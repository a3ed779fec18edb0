//! What the broker should hold: exchanges, queues, bindings, users and what each may do, computed from the directory.
//!
//! Pure: the same directory and settings give the same value, and nobody is asked. The road of a demand is made of
//! exchange-to-exchange bindings, so that one publish passes court, ministry and province and the confirm covers them all.
//! **Nothing else may be bound to these exchanges**: an alternate exchange fires only when no binding matches, and a journal
//! or tap queue with a matching key would swallow what no registry can be given.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use xiezhi_schemas::{
    address::{CourtName, FEEDBACK, MINISTRY_UP, PARKED, ProvinceCode, Tier, Upward, demand_routing_key},
    identifier::DivisionCode,
    message::Kind,
};

use super::{
    TopologyError,
    directory::{self, Directory, Registry},
    secret::Secret,
};

/// What an operator chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long a demand may wait for its registry before it counts as 未送达. Whole milliseconds, 49 days at most.
    pub delivery_window: Duration,
    /// How many demands one registry's queue holds before the broker refuses more; the outbox keeps those. A bound is
    /// needed, or one registry that is down for weeks fills the broker's disk for all.
    pub max_length: u64,
    /// How often one delivery may come back. Large: a bad demand is parked by the connector with its reason, and a small
    /// limit would punish the innocent ones that were prefetched beside it when a connector died.
    pub delivery_limit: u32,
}

/// Arguments of an exchange or queue.
pub type Arguments = BTreeMap<String, Value>;

/// Kind of a declared exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeKind {
    /// Routes by patterns of the key.
    Topic,
    /// Gives everything to everyone bound.
    Fanout,
    /// Routes by the key as it is.
    Direct,
}

impl fmt::Display for ExchangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Topic => "topic",
            Self::Fanout => "fanout",
            Self::Direct => "direct",
        })
    }
}

/// An exchange: durable, not deleted by itself, open to publishers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// How it routes.
    pub kind: ExchangeKind,
    /// Its arguments.
    pub arguments: Arguments,
}

/// What a binding leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// A queue.
    Queue,
    /// Another exchange.
    Exchange,
}

/// A binding without arguments.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Binding {
    /// The exchange that gives.
    pub source: String,
    /// What kind of thing takes.
    pub to: Destination,
    /// Its name.
    pub destination: String,
    /// The pattern of keys.
    pub key: String,
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -[{}]-> {}", self.source, self.key, self.destination)
    }
}

/// What a user may do in the virtual host: anchored regular expressions over names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// Declare and delete.
    pub configure: String,
    /// Publish to, and bind to.
    pub write: String,
    /// Consume from, and bind from.
    pub read: String,
}

/// All that the hub needs on the broker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topology {
    /// Exchanges by name.
    pub exchanges: BTreeMap<String, Exchange>,
    /// Arguments of the queues by name; every queue is a durable quorum queue.
    pub queues: BTreeMap<String, Arguments>,
    /// Bindings.
    pub bindings: BTreeSet<Binding>,
    /// Permissions by user; no user has a tag.
    pub users: BTreeMap<String, Permission>,
}

/// The broker account of the hub.
pub const HUB_USER: &str = "xz-hub";

/// A time to live must fit 32 bits of milliseconds in the broker.
const LONGEST_WINDOW_MS: u128 = u32::MAX as u128;

impl Topology {
    /// The topology for `directory`.
    ///
    /// # Errors
    /// [`TopologyError::Directory`] when the directory contradicts itself, [`TopologyError::Settings`] when the broker could
    /// not hold the settings. Both before anything is touched.
    pub fn declared(directory: &Directory, settings: &Settings) -> Result<Self, TopologyError> {
        let window_ms = settings.delivery_window.as_millis();
        if window_ms == 0 || window_ms > LONGEST_WINDOW_MS {
            return Err(TopologyError::Settings("the delivery window is between 1 ms and 49 days"));
        }
        if settings.max_length == 0 || settings.delivery_limit == 0 {
            return Err(TopologyError::Settings("max_length and delivery_limit are at least 1"));
        }
        let registries = directory::by_province(directory)?;

        let mut it = Self::default();
        it.tier(&Tier::Court, settings);
        it.tier(&Tier::Ministry, settings);
        it.upward(settings);
        for kind in Kind::ALL {
            // One pattern a kind instead of `#`: a key of no known kind ends at the court's tier, where it was made.
            let key = format!("{}.#", kind.as_str());
            it.bind(&Tier::Court.exchange(), Destination::Exchange, &Tier::Ministry.exchange(), &key);
        }
        for (province, registries) in &registries {
            it.province(province, registries, settings);
        }
        it.exchange(FEEDBACK, ExchangeKind::Direct, None);
        for court in &directory.feedback_queues {
            it.feedback(court, settings);
        }
        it.users.insert(HUB_USER.to_owned(), hub_permission());
        Ok(it)
    }

    /// The passwords that [`apply`](super::apply) needs for these users: the hub's, if it is at hand, and one for each province
    /// and each court with a queue.
    pub fn passwords(
        &self,
        hub: Option<Secret>,
        of_province: impl Fn(&ProvinceCode) -> Secret,
        of_court: impl Fn(&CourtName) -> Secret,
    ) -> BTreeMap<String, Secret> {
        let password = |user: &str| match user.strip_prefix("xz-province-") {
            Some(code) => code.parse().ok().map(|code| of_province(&code)),
            None => user.strip_prefix("xz-court-")?.parse().ok().map(|name| of_court(&name)),
        };
        let others = self.users.keys().filter_map(|user| Some((user.clone(), password(user)?)));
        hub.map(|password| (HUB_USER.to_owned(), password)).into_iter().chain(others).collect()
    }

    /// A tier's exchange and the catcher behind it.
    fn tier(&mut self, tier: &Tier, settings: &Settings) {
        let catcher = tier.undelivered_exchange();
        // Catches what this tier cannot route, under this tier's name; fires for messages that came from another exchange too.
        self.exchange(&tier.exchange(), ExchangeKind::Topic, Some(&catcher));
        // Fanout: whatever was its key, the message is held for the operator and shown to the hub.
        self.exchange(&catcher, ExchangeKind::Fanout, None);
        for queue in [tier.held_queue(), tier.recorded_queue()] {
            self.queue(&queue, keeping(settings));
            self.bind(&catcher, Destination::Queue, &queue, "");
        }
    }

    /// The road back: `ministry.up`, the hub's queues, and the place for what nothing understood.
    fn upward(&mut self, settings: &Settings) {
        self.exchange(PARKED, ExchangeKind::Fanout, None);
        self.queue(PARKED, keeping(settings));
        self.bind(PARKED, Destination::Queue, PARKED, "");
        self.exchange(MINISTRY_UP, ExchangeKind::Topic, Some(PARKED));
        for upward in Upward::ALL {
            let mut arguments = keeping(settings);
            // A message that the hub cannot read is rejected into the parking place, and must not get lost on the way there.
            arguments.insert("x-dead-letter-exchange".into(), json!(PARKED));
            arguments.insert("x-dead-letter-strategy".into(), json!("at-least-once"));
            self.queue(upward.hub_queue(), arguments);
            let key = format!("{}.#", upward.as_str());
            self.bind(MINISTRY_UP, Destination::Queue, upward.hub_queue(), &key);
        }
    }

    fn province(&mut self, province: &ProvinceCode, registries: &[&Registry], settings: &Settings) {
        let tier = Tier::Province(province.clone());
        self.tier(&tier, settings);
        let ministry = Tier::Ministry.exchange();
        self.bind(&ministry, Destination::Exchange, &tier.exchange(), &format!("*.{province}.#"));
        // An exchange of its own to write to: header CC and BCC add keys, never exchanges, so they reach nothing but the hub.
        self.exchange(&province.up_exchange(), ExchangeKind::Topic, None);
        self.bind(&province.up_exchange(), Destination::Exchange, MINISTRY_UP, "#");
        for registry in registries {
            let queue = registry.code.demand_queue();
            self.queue(&queue, demands(&tier, settings));
            for division in &registry.divisions {
                self.bind(&tier.exchange(), Destination::Queue, &queue, &any_kind(division));
            }
        }
        self.users.insert(province.broker_user(), province_permission(province, registries));
    }

    /// A court's own queue. Queues of one's own, not one for all: a court may read what concerns it and nothing else.
    fn feedback(&mut self, court: &CourtName, settings: &Settings) {
        let mut arguments = keeping(settings);
        // Several readers of one court may stand by; two at once would break the order of `seq`.
        arguments.insert("x-single-active-consumer".into(), json!(true));
        // A court that never reads must not fill the broker's disk; what does not fit waits in the stream.
        arguments.insert("x-max-length".into(), json!(settings.max_length));
        let queue = court.feedback_queue();
        self.queue(&queue, arguments);
        self.bind(FEEDBACK, Destination::Queue, &queue, court.as_str());
        self.users.insert(court.broker_user(), court_permission(court));
    }

    fn exchange(&mut self, name: &str, kind: ExchangeKind, alternate: Option<&str>) {
        let arguments =
            alternate.map(|to| ("alternate-exchange".to_owned(), json!(to))).into_iter().collect();
        self.exchanges.insert(name.to_owned(), Exchange { kind, arguments });
    }

    fn queue(&mut self, name: &str, arguments: Arguments) {
        self.queues.insert(name.to_owned(), arguments);
    }

    fn bind(&mut self, source: &str, to: Destination, destination: &str, key: &str) {
        self.bindings.insert(Binding {
            source: source.to_owned(),
            to,
            destination: destination.to_owned(),
            key: key.to_owned(),
        });
    }
}

/// The key of every kind of demand for one division: `*.32.3201.320102.registry`.
fn any_kind(division: &DivisionCode) -> String {
    let word = Kind::Seizure.as_str();
    format!("*{}", &demand_routing_key(Kind::Seizure, division)[word.len()..])
}

/// A queue whose messages wait for the hub or for an operator, without limit of time or number.
fn keeping(settings: &Settings) -> Arguments {
    Arguments::from([
        // Replicated and safe after a confirm; also faster than classic queues when there are many.
        ("x-queue-type".into(), json!("quorum")),
        // If an operator ever sets a bound, the publisher must hear of it: the default drops the oldest.
        ("x-overflow".into(), json!("reject-publish")),
        // Explicit, because the default differs between versions of the broker and drops after 20 in the newer ones.
        ("x-delivery-limit".into(), json!(settings.delivery_limit)),
    ])
}

/// A registry's queue.
fn demands(tier: &Tier, settings: &Settings) -> Arguments {
    let mut arguments = keeping(settings);
    // Twenty may stand by, one consumes: two would break the order of receipt.
    arguments.insert("x-single-active-consumer".into(), json!(true));
    // Expired and parked demands go where the operator of this province looks. No dead-letter routing key: the original key
    // says kind and division, and a replay needs both.
    arguments.insert("x-dead-letter-exchange".into(), json!(tier.undelivered_exchange()));
    // Kept here until the dead-letter queues have confirmed; needs reject-publish, else it silently falls back.
    arguments.insert("x-dead-letter-strategy".into(), json!("at-least-once"));
    arguments.insert("x-max-length".into(), json!(settings.max_length));
    let window_ms =
        u64::try_from(settings.delivery_window.as_millis()).expect("declared() has checked the window");
    arguments.insert("x-message-ttl".into(), json!(window_ms));
    arguments
}

/// The hub: publishes demands and replies, consumes its own queues and the dead letters; declares nothing.
fn hub_permission() -> Permission {
    let tiers = r"(court|ministry|province\.[0-9]{2})";
    Permission {
        configure: "^$".into(),
        // Replies to connectors go through the default exchange, which permissions call amq.default.
        write: r"^(court|court\.feedback|hub\.parked|amq\.default)$".into(),
        read: format!(
            r"^(hub\.(receipts|local-receipts|results|returns|parked)|(hub\.)?undelivered\.{tiers})$"
        ),
    }
}

/// A province's connectors: their own road up, their own queues, nothing else. Patterns are anchored and dots escaped, or
/// `province.3` would open `province.31` and `registry.320102.demand` a name with another letter in place of a dot.
fn province_permission(province: &ProvinceCode, registries: &[&Registry]) -> Permission {
    let codes: Vec<_> = registries.iter().map(|registry| registry.code.as_str()).collect();
    let read =
        if codes.is_empty() { "^$".into() } else { format!(r"^registry\.({})\.demand$", codes.join("|")) };
    Permission {
        configure: "^$".into(),
        write: format!("^{}$", province.up_exchange().replace('.', r"\.")),
        read,
    }
}

/// A court: its own feedback, nothing to write to.
fn court_permission(court: &CourtName) -> Permission {
    Permission {
        configure: "^$".into(),
        write: "^$".into(),
        read: format!("^{}$", court.feedback_queue().replace('.', r"\.")),
    }
}
