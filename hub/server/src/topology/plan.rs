//! The difference between what should be on the broker and what is, as a list of changes that a person can read first.
//!
//! Pure. Three sorts of things come out. *Changes* can be made by `apply`. *Drift* is what others did to our road; it is an
//! alarm, and only a person can say whether it may go. *Foreign* things lie beside our road and are left alone.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;
use xiezhi_schemas::address::{MINISTRY_UP, PARKED, ProvinceCode, RegistryCode, Tier, Upward};

use super::{
    running::{Running, RunningBinding, RunningExchange, RunningQueue},
    value::{Arguments, Binding, Destination, Exchange, HUB_USER, Permission, Topology},
};

/// What happens to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// It is missing and will be made.
    Create,
    /// It is changed in place.
    Update,
    /// It cannot be changed in place: it is deleted and made anew, which must be allowed expressly.
    Replace,
    /// It is ours and no longer declared.
    Delete,
}

impl Verb {
    fn sign(self) -> &'static str {
        match self {
            Self::Create => "+",
            Self::Update => "~",
            Self::Replace => "-/+",
            Self::Delete => "-",
        }
    }
}

/// What kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum What {
    Exchange,
    Queue,
    Binding,
    User,
    Permission,
    OperatorPolicy,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Exchange => "exchange",
            Self::Queue => "queue",
            Self::Binding => "binding",
            Self::User => "user",
            Self::Permission => "permission",
            Self::OperatorPolicy => "operator policy",
        })
    }
}

/// One change that `apply` makes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// What happens.
    pub verb: Verb,
    /// To what kind of thing.
    pub what: What,
    /// Its name.
    pub name: String,
    /// What differs, or what it will be. Never a password.
    pub detail: String,
    /// Why it will be refused as things stand, such as messages in a queue that must go.
    pub blocked: Option<String>,
    #[serde(skip)]
    pub(super) action: Action,
}

/// What `apply` does for a change, with everything it needs.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    PutExchange(Exchange),
    PutQueue(Arguments),
    Bind(Binding),
    Unbind(RunningBinding),
    ReplaceExchange(Exchange),
    ReplaceQueue(Arguments),
    DeleteExchange,
    DeleteQueue,
    MakeUser,
    ClearTags,
    Grant(Permission),
    Revoke,
}

/// When a change is made. Catchers come before what they catch for; a road is opened from its end, so that nothing travels
/// into a half-built one; a binding that goes makes room right before those that come, so that a division which moves to
/// another registry is never delivered to both; what is no longer needed goes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Revoke,
    Replace,
    Catchers,
    CatcherQueues,
    CatcherBindings,
    Exchanges,
    Queues,
    Unbind,
    BindQueues,
    BindUpward,
    BindProvinces,
    BindMinistry,
    Users,
    Permissions,
    Remove,
}

impl Change {
    pub(super) fn stage(&self) -> Stage {
        let catches =
            self.name == PARKED || self.name.starts_with("undelivered.") || self.name.starts_with("hub.");
        match &self.action {
            Action::Revoke => Stage::Revoke,
            Action::ReplaceExchange(_) | Action::ReplaceQueue(_) => Stage::Replace,
            Action::PutExchange(_) if catches => Stage::Catchers,
            Action::PutQueue(_) if catches => Stage::CatcherQueues,
            Action::PutExchange(_) => Stage::Exchanges,
            Action::PutQueue(_) => Stage::Queues,
            Action::Unbind(_) => Stage::Unbind,
            Action::Bind(binding) => match (binding.to, binding.source.parse()) {
                (Destination::Queue, _) if catches => Stage::CatcherBindings,
                (Destination::Queue, _) => Stage::BindQueues,
                (Destination::Exchange, Ok(Tier::Court)) => Stage::BindMinistry,
                (Destination::Exchange, Ok(_)) => Stage::BindProvinces,
                (Destination::Exchange, Err(_)) => Stage::BindUpward,
            },
            Action::MakeUser | Action::ClearTags => Stage::Users,
            Action::Grant(_) => Stage::Permissions,
            Action::DeleteExchange | Action::DeleteQueue => Stage::Remove,
        }
    }
}

/// Something that bends our road and that only a person may mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Stable code.
    pub code: &'static str,
    /// What kind of thing.
    pub what: What,
    /// Its name.
    pub name: String,
    /// What it does to the road.
    pub detail: String,
    /// How to mend it.
    pub hint: String,
}

/// Something of others beside our road.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Foreign {
    /// What kind of thing.
    pub what: What,
    /// Its name.
    pub name: String,
}

/// All differences.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Plan {
    /// What `apply` changes, in the order in which it does.
    pub changes: Vec<Change>,
    /// What a person must mend.
    pub drift: Vec<Drift>,
    /// What is left alone.
    pub foreign: Vec<Foreign>,
}

impl Plan {
    /// Whether the broker is as declared: nothing to change and no drift.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.drift.is_empty()
    }

    /// One line: how many of each.
    pub fn summary(&self) -> String {
        if self.is_empty() {
            return format!(
                "No changes: the broker is as declared; {} foreign left alone.",
                self.foreign.len()
            );
        }
        let count = |verb| self.changes.iter().filter(|change| change.verb == verb).count();
        format!(
            "{} to create, {} to update, {} to replace, {} to delete; {} drifted, for a person; {} foreign left alone.",
            count(Verb::Create),
            count(Verb::Update),
            count(Verb::Replace),
            count(Verb::Delete),
            self.drift.len(),
            self.foreign.len()
        )
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            writeln!(f, "{:>3} {:<10} {}", change.verb.sign(), change.what, change.name)?;
            if !change.detail.is_empty() {
                writeln!(f, "                 {}", change.detail)?;
            }
            if let Some(why) = &change.blocked {
                writeln!(f, "                 blocked: {why}")?;
            }
        }
        for drift in &self.drift {
            writeln!(f, "  ! {:<10} {}", drift.what, drift.name)?;
            writeln!(f, "                 [{}] {}; {}", drift.code, drift.detail, drift.hint)?;
        }
        for foreign in &self.foreign {
            writeln!(f, "    {:<10} {} (foreign)", foreign.what, foreign.name)?;
        }
        writeln!(f, "{}", self.summary())
    }
}

/// Compares what should be with what is.
pub fn plan(declared: &Topology, running: &Running) -> Plan {
    let mut it = Difference {
        declared,
        running,
        replaced: BTreeSet::new(),
        winding_up: winding_up(declared, running),
        plan: Plan::default(),
    };
    it.exchanges();
    it.queues();
    it.bindings();
    it.users();
    it.policies();
    it.plan.changes.sort_by_key(|change| (change.stage(), change.name.clone()));
    it.plan.foreign.sort();
    it.plan
}

struct Difference<'a> {
    declared: &'a Topology,
    running: &'a Running,
    /// Exchanges and queues that are made anew and so lose their bindings.
    replaced: BTreeSet<(What, &'a str)>,
    /// Provinces that ended while their queues still hold messages: no new demand enters, but dead letters must find their
    /// queue and connectors their road until these are empty.
    winding_up: BTreeSet<ProvinceCode>,
    plan: Plan,
}

impl<'a> Difference<'a> {
    fn change(&mut self, verb: Verb, what: What, name: &str, detail: String, action: Action) {
        self.plan.changes.push(Change { verb, what, name: name.to_owned(), detail, blocked: None, action });
    }

    fn drift(&mut self, code: &'static str, what: What, name: String, detail: String, hint: &str) {
        self.plan.drift.push(Drift { code, what, name, detail, hint: hint.to_owned() });
    }

    fn foreign(&mut self, what: What, name: &str) {
        self.plan.foreign.push(Foreign { what, name: name.to_owned() });
    }

    fn exchanges(&mut self) {
        for (name, exchange) in &self.declared.exchanges {
            let Some(running) = self.running.exchanges.get(name) else {
                let detail = format!("{}{}", exchange.kind, list(&exchange.arguments));
                self.change(
                    Verb::Create,
                    What::Exchange,
                    name,
                    detail,
                    Action::PutExchange(exchange.clone()),
                );
                continue;
            };
            let differs = exchange_differs(exchange, running);
            if !differs.is_empty() {
                self.replaced.insert((What::Exchange, name));
                let action = Action::ReplaceExchange(exchange.clone());
                self.change(Verb::Replace, What::Exchange, name, differs.join("; "), action);
            }
        }
        for (name, running) in &self.running.exchanges {
            if self.declared.exchanges.contains_key(name) {
                if let Some(policy) = &running.policy {
                    self.overridden(What::Exchange, name, policy);
                }
            } else if is_our_exchange(name) {
                let detail = "no longer declared, with its bindings".to_owned();
                self.change(Verb::Delete, What::Exchange, name, detail, Action::DeleteExchange);
                let of = name.strip_prefix("undelivered.").or_else(|| name.strip_suffix(".up"));
                self.block_if_winding_up(of.and_then(|tier| tier.strip_prefix("province.")));
            } else {
                self.foreign(What::Exchange, name);
            }
        }
    }

    fn queues(&mut self) {
        for (name, arguments) in &self.declared.queues {
            let Some(running) = self.running.queues.get(name) else {
                let detail = format!("quorum{}", list(arguments));
                self.change(Verb::Create, What::Queue, name, detail, Action::PutQueue(arguments.clone()));
                continue;
            };
            let differs = queue_differs(arguments, running);
            if !differs.is_empty() {
                self.replaced.insert((What::Queue, name));
                let action = Action::ReplaceQueue(arguments.clone());
                self.change(Verb::Replace, What::Queue, name, differs.join("; "), action);
                self.block_if_filled(running);
            }
        }
        for (name, running) in &self.running.queues {
            if self.declared.queues.contains_key(name) {
                if let Some(policy) = &running.policy {
                    self.overridden(What::Queue, name, policy);
                }
            } else if is_our_queue(name) {
                let detail = "no longer declared".to_owned();
                self.change(Verb::Delete, What::Queue, name, detail, Action::DeleteQueue);
                self.block_if_filled(running);
            } else {
                self.foreign(What::Queue, name);
            }
        }
    }

    fn block_if_filled(&mut self, running: &RunningQueue) {
        if let (true, Some(change)) = (running.messages > 0, self.plan.changes.last_mut()) {
            change.blocked =
                Some(format!("it holds {} messages; let them be consumed first", running.messages));
        }
    }

    fn block_if_winding_up(&mut self, province: Option<&str>) {
        let Some(province) = province.and_then(|code| code.parse().ok()) else { return };
        if let (true, Some(change)) = (self.winding_up.contains(&province), self.plan.changes.last_mut()) {
            change.blocked = Some(format!("queues of province {province} still hold messages"));
        }
    }

    fn overridden(&mut self, what: What, name: &str, policy: &str) {
        let detail = format!("policy {policy:?} applies to it and may override what is declared");
        let hint = "clear the policy or narrow its pattern (rabbitmqctl clear_policy)";
        self.drift("HUB-2123", what, name.to_owned(), detail, hint);
    }

    fn bindings(&mut self) {
        let lost = |binding: &Binding| {
            let of = match binding.to {
                Destination::Queue => What::Queue,
                Destination::Exchange => What::Exchange,
            };
            self.replaced.contains(&(What::Exchange, binding.source.as_str()))
                || self.replaced.contains(&(of, binding.destination.as_str()))
        };
        let standing: BTreeSet<&Binding> =
            self.running.bindings.iter().filter(|b| b.arguments.is_empty()).map(|b| &b.binding).collect();
        let missing: Vec<_> = self
            .declared
            .bindings
            .iter()
            .filter_map(|binding| match (standing.contains(binding), lost(binding)) {
                (true, false) => None,
                (true, true) => Some((binding, "lost when its end is replaced")),
                (false, _) => Some((binding, "")),
            })
            .collect();
        for (binding, why) in missing {
            let action = Action::Bind(binding.clone());
            self.change(Verb::Create, What::Binding, &binding.to_string(), why.to_owned(), action);
        }
        for running in &self.running.bindings {
            let declared = running.arguments.is_empty() && self.declared.bindings.contains(&running.binding);
            if !declared {
                self.undeclared_binding(running);
            }
        }
    }

    fn undeclared_binding(&mut self, running: &RunningBinding) {
        let binding = &running.binding;
        let to_us = match binding.to {
            Destination::Queue => is_our_queue(&binding.destination),
            Destination::Exchange => is_our_exchange(&binding.destination),
        };
        let name = binding.to_string();
        match (is_our_exchange(&binding.source), to_us) {
            (true, true) if self.will_go(binding) => {}
            (true, true) => {
                let detail = format!("not declared{}", list(&running.arguments));
                self.change(Verb::Delete, What::Binding, &name, detail, Action::Unbind(running.clone()));
            }
            (true, false) => {
                let detail = "it takes demands off our road, and while its key matches, what cannot be routed is swallowed \
                              instead of becoming 未送达"
                    .to_owned();
                self.drift(
                    "HUB-2121",
                    What::Binding,
                    name,
                    detail,
                    "delete the binding; observe by the trace plugin",
                );
            }
            (false, true) => {
                let detail = "it brings messages in that no court sent through the hub".to_owned();
                self.drift("HUB-2122", What::Binding, name, detail, "delete the binding");
            }
            (false, false) => self.foreign(What::Binding, &name),
        }
    }

    /// Whether an end of the binding is deleted, and the binding with it.
    fn will_go(&self, binding: &Binding) -> bool {
        let stays = match binding.to {
            Destination::Queue => self.declared.queues.contains_key(&binding.destination),
            Destination::Exchange => self.declared.exchanges.contains_key(&binding.destination),
        };
        // The queue may be blocked and stay for a while; its road must go now all the same.
        !self.declared.exchanges.contains_key(&binding.source)
            || (!stays && binding.to == Destination::Exchange)
    }

    fn users(&mut self) {
        for (user, permission) in &self.declared.users {
            match self.running.users.get(user) {
                None => {
                    let detail = "no tags; its password is given to apply".to_owned();
                    self.change(Verb::Create, What::User, user, detail, Action::MakeUser);
                }
                Some(tags) if !tags.is_empty() => {
                    let detail = format!("takes away the tags {}", tags.join(", "));
                    self.change(Verb::Update, What::User, user, detail, Action::ClearTags);
                }
                Some(_) => {}
            }
            let granted = self.running.permissions.get(user);
            if granted != Some(permission) {
                let verb = if granted.is_some() { Verb::Update } else { Verb::Create };
                let Permission { configure, write, read } = permission;
                let detail = format!("configure {configure}  write {write}  read {read}");
                self.change(verb, What::Permission, user, detail, Action::Grant(permission.clone()));
            }
        }
        for user in self.running.permissions.keys() {
            if self.declared.users.contains_key(user) {
                continue;
            }
            if is_our_user(user) {
                // The user itself stays: it may serve another virtual host.
                let detail = "no longer declared; the user stays, without rights here".to_owned();
                self.change(Verb::Delete, What::Permission, user, detail, Action::Revoke);
                self.block_if_winding_up(user.strip_prefix("xz-province-"));
            } else {
                self.foreign(What::Permission, user);
            }
        }
        for (user, exchange) in &self.running.topic_permissions {
            if is_our_user(user) {
                let detail = format!("a topic permission on exchange {exchange:?} may refuse its messages");
                let hint = "clear it (rabbitmqctl clear_topic_permissions)";
                self.drift("HUB-2125", What::User, user.clone(), detail, hint);
            }
        }
    }

    /// Which operator policy applies to which queue only the statistics tell, some seconds late. One of them can shorten the
    /// delivery window or bound a dead-letter queue unseen, so any in this virtual host is reported.
    fn policies(&mut self) {
        for policy in &self.running.operator_policies {
            let detail = "it may override what is declared for our queues".to_owned();
            let hint =
                "clear it (rabbitmqctl clear_operator_policy), or move what needs it to another virtual host";
            self.drift("HUB-2124", What::OperatorPolicy, policy.clone(), detail, hint);
        }
    }
}

fn winding_up(declared: &Topology, running: &Running) -> BTreeSet<ProvinceCode> {
    let province = |queue: &str| match queue.strip_prefix("registry.") {
        Some(rest) => rest.get(..2)?.parse().ok(),
        None => queue.rsplit_once("undelivered.province.")?.1.parse::<ProvinceCode>().ok(),
    };
    let filled = running.queues.iter().filter(|(name, queue)| queue.messages > 0 && is_our_queue(name));
    filled
        .filter_map(|(name, _)| province(name))
        .filter(|code| !declared.exchanges.contains_key(&Tier::Province(code.clone()).exchange()))
        .collect()
}

fn exchange_differs(declared: &Exchange, running: &RunningExchange) -> Vec<String> {
    let mut differs = arguments_differ(&declared.arguments, &running.arguments);
    if running.kind != declared.kind.to_string() {
        differs.push(format!("type is {}, should be {}", running.kind, declared.kind));
    }
    differs.extend(flags_differ(running.durable, running.auto_delete));
    differs.extend(running.internal.then(|| "it is internal and should not be".to_owned()));
    differs
}

fn queue_differs(declared: &Arguments, running: &RunningQueue) -> Vec<String> {
    let mut differs = arguments_differ(declared, &running.arguments);
    differs.extend(flags_differ(running.durable, running.auto_delete));
    differs
}

fn flags_differ(durable: bool, auto_delete: bool) -> Vec<String> {
    let not_durable = (!durable).then(|| "it is not durable and should be".to_owned());
    let goes = auto_delete.then(|| "it deletes itself and should not".to_owned());
    not_durable.into_iter().chain(goes).collect()
}

fn arguments_differ(declared: &Arguments, running: &Arguments) -> Vec<String> {
    let names: BTreeSet<&String> = declared.keys().chain(running.keys()).collect();
    let differs = names.into_iter().filter_map(|name| match (declared.get(name), running.get(name)) {
        (Some(should), Some(is)) if should == is => None,
        (Some(should), Some(is)) => Some(format!("{name} is {is}, should be {should}")),
        (Some(should), None) => Some(format!("{name} is not set, should be {should}")),
        (None, is) => Some(format!("{name} is {}, should not be set", is.map(ToString::to_string)?)),
    });
    differs.collect()
}

fn list(arguments: &Arguments) -> String {
    arguments
        .iter()
        .filter(|(name, _)| *name != "x-queue-type")
        .map(|(name, value)| format!(", {name} {value}"))
        .collect()
}

fn is_province(text: &str) -> bool {
    text.parse::<ProvinceCode>().is_ok()
}

fn is_our_exchange(name: &str) -> bool {
    name == MINISTRY_UP
        || name == PARKED
        || name.strip_prefix("undelivered.").unwrap_or(name).parse::<Tier>().is_ok()
        || name.strip_prefix("province.").and_then(|rest| rest.strip_suffix(".up")).is_some_and(is_province)
}

fn is_our_queue(name: &str) -> bool {
    let is_registry = |code: &str| code.parse::<RegistryCode>().is_ok();
    let caught =
        |name: &str| name.strip_prefix("undelivered.").is_some_and(|tier| tier.parse::<Tier>().is_ok());
    name == PARKED
        || [Upward::Receipt, Upward::Result, Upward::Return].iter().any(|upward| upward.hub_queue() == name)
        || caught(name.strip_prefix("hub.").unwrap_or(name))
        || name
            .strip_prefix("registry.")
            .and_then(|rest| rest.strip_suffix(".demand"))
            .is_some_and(is_registry)
}

fn is_our_user(name: &str) -> bool {
    name == HUB_USER || name.strip_prefix("xz-province-").is_some_and(is_province)
}
