//! Finds the differences. Pure; see [`super::plan`] for what they are called.

use std::collections::BTreeSet;

use xiezhi_schemas::address::{ProvinceCode, Tier};

use super::{
    ours::{is_our_exchange, is_our_queue, is_our_user},
    plan::{Action, Change, Drift, Foreign, Plan, Verb, What},
    running::{Running, RunningBinding, RunningExchange, RunningQueue},
    value::{Arguments, Binding, Destination, Exchange, Permission, Topology},
};

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
