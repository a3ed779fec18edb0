//! Carries a plan out: stage by stage, eight changes at a time, in an order in which nothing can get lost.
//!
//! Every single change may be repeated, so an apply that broke off is finished by the next one. Two are dangerous and are
//! guarded: replacing must be allowed, and a queue is deleted only after its road was cut and it stayed empty.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::{
    TopologyError,
    broker::{Broker, InUse},
    plan::{Action, Change, Plan, Stage, Verb},
    secret::Secret,
    value::Arguments,
};

/// Changes under way at the same time. The broker makes 3,000 quorum queues in some ten to twenty seconds this way and hardly
/// faster with more.
const AT_ONCE: usize = 8;

/// Queues watched at the same time before they are deleted: watching costs the broker next to nothing.
const WATCHED_AT_ONCE: usize = 128;

/// How long a queue must have been seen empty and idle, without a road to it, before it is deleted. A quorum queue counts what it
/// holds every five seconds, the management API collects that every five seconds; this is half as much again.
const QUIET: Duration = Duration::from_secs(15);

/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_secs(1);

/// What an operator allows.
#[derive(Debug, Clone, Copy, Default)]
pub struct ApplyOptions {
    /// Delete and make anew what cannot be changed in place. While a registry's queue is replaced, about a quarter of a minute,
    /// its demands become 未送达 and must be replayed.
    pub allow_replace: bool,
    /// Give users that exist the passwords at hand. Connections with the old one stay until they end.
    pub rotate_passwords: bool,
}

/// How far an apply has come.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// Changes made or refused so far, this one included.
    pub done: usize,
    /// Changes in all.
    pub total: usize,
    /// This one.
    pub change: &'a Change,
}

/// A change that was not made. Everything else was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Stable code: `HUB-2110` replacing is not allowed, `HUB-2111` a queue is in use.
    pub code: &'static str,
    /// What it was about.
    pub name: String,
    /// Why, and what to do.
    pub reason: String,
}

/// What an apply did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Changes made.
    pub applied: usize,
    /// Changes not made.
    pub refused: Vec<Refused>,
    /// Users whose password was set.
    pub passwords_set: usize,
}

/// Makes the changes of `plan`. `passwords` holds those of users to be made, by user name; `progress` is told after each
/// change, from whatever task made it.
///
/// # Errors
/// [`TopologyError::PasswordMissing`] before anything is touched; otherwise the first change that the broker refused. What was
/// done until then stays, and the next plan holds the rest.
pub async fn apply(
    broker: &Broker,
    plan: &Plan,
    passwords: &BTreeMap<String, Secret>,
    options: ApplyOptions,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Report, TopologyError> {
    let made = |change: &&Change| change.action == Action::MakeUser;
    let users: Vec<_> = plan
        .changes
        .iter()
        .filter(made)
        .map(|c| c.name.clone())
        .filter(|u| !passwords.contains_key(u))
        .collect();
    if !users.is_empty() {
        return Err(TopologyError::PasswordMissing { users });
    }

    let (done, total) = (AtomicUsize::new(0), plan.changes.len());
    let mut report = Report::default();
    let stages = plan.changes.chunk_by(|a, b| a.stage() == b.stage());
    for stage in stages {
        let watches = matches!(stage[0].stage(), Stage::Replace | Stage::Remove);
        let outcomes: Vec<Option<Refused>> = stream::iter(stage.iter().map(async |change| {
            let outcome = make(broker, change, passwords, options).await?;
            progress(Progress { done: done.fetch_add(1, Ordering::Relaxed) + 1, total, change });
            Ok::<_, TopologyError>(outcome)
        }))
        .buffer_unordered(if watches { WATCHED_AT_ONCE } else { AT_ONCE })
        .try_collect()
        .await?;
        report.applied += outcomes.iter().filter(|outcome| outcome.is_none()).count();
        report.refused.extend(outcomes.into_iter().flatten());
        if stage.iter().any(|change| change.stage() == Stage::Users) {
            report.passwords_set += stage.iter().filter(made).count();
        }
    }
    if options.rotate_passwords {
        let new: Vec<_> = plan.changes.iter().filter(made).map(|change| change.name.as_str()).collect();
        for (user, password) in passwords.iter().filter(|(user, _)| !new.contains(&user.as_str())) {
            broker.put_user(user, password).await?;
            report.passwords_set += 1;
        }
    }
    report.refused.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(report)
}

async fn make(
    broker: &Broker,
    change: &Change,
    passwords: &BTreeMap<String, Secret>,
    options: ApplyOptions,
) -> Result<Option<Refused>, TopologyError> {
    let name = change.name.as_str();
    if change.verb == Verb::Replace && !options.allow_replace {
        let reason = format!("{}; allow replacing when nobody depends on it", change.detail);
        return Ok(Some(Refused { code: "HUB-2110", name: name.to_owned(), reason }));
    }
    if let Some(reason) = change.blocked.clone() {
        return Ok(Some(Refused { code: "HUB-2111", name: name.to_owned(), reason }));
    }
    match &change.action {
        Action::PutExchange(exchange) => broker.put_exchange(name, exchange).await?,
        Action::PutQueue(arguments) => broker.put_queue(name, arguments).await?,
        Action::Bind(binding) => broker.bind(binding).await?,
        Action::Unbind(running) => broker.unbind(&running.binding, &running.properties_key).await?,
        Action::ReplaceExchange(exchange) => {
            broker.delete_exchange(name).await?;
            broker.put_exchange(name, exchange).await?;
        }
        Action::ReplaceQueue(arguments) => return remove_queue(broker, name, Some(arguments)).await,
        Action::DeleteExchange => broker.delete_exchange(name).await?,
        Action::DeleteQueue => return remove_queue(broker, name, None).await,
        Action::MakeUser => {
            let password = passwords.get(name).expect("apply() has checked that it is there");
            broker.put_user(name, password).await?;
        }
        Action::ClearTags => broker.clear_tags(name).await?,
        Action::Grant(permission) => broker.put_permission(name, permission).await?,
        Action::Revoke => broker.delete_permission(name).await?,
    }
    Ok(None)
}

/// Deletes a queue that nothing leads to and that stays empty; makes it anew with `arguments`, if given.
///
/// A confirmed message in a deleted queue would be lost, and the broker cannot delete a quorum queue "only if empty". So when
/// the queue looks empty, its road is cut, which sends newcomers to the tier's dead letters; then it is watched for longer than
/// the broker's counts are late. If it is in use after all, the road is restored.
async fn remove_queue(
    broker: &Broker,
    name: &str,
    arguments: Option<&Arguments>,
) -> Result<Option<Refused>, TopologyError> {
    if let Some(in_use) = use_before_idle_for(broker, name, Duration::ZERO).await? {
        return Ok(Some(still_used(name, in_use)));
    }
    let roads = broker.bindings_to(name).await?;
    for road in &roads {
        broker.unbind(&road.binding, &road.properties_key).await?;
    }
    if let Some(in_use) = use_before_idle_for(broker, name, QUIET).await? {
        // A queue that is no longer declared stays cut off: it only has to run empty.
        for road in roads.iter().filter(|road| arguments.is_some() && road.arguments.is_empty()) {
            broker.bind(&road.binding).await?;
        }
        return Ok(Some(still_used(name, in_use)));
    }
    broker.delete_queue(name).await?;
    if let Some(arguments) = arguments {
        broker.put_queue(name, arguments).await?;
    }
    Ok(None)
}

/// Looks until the queue has been seen empty and idle for `quiet` on end, which is `None`; or until it is seen in use [`QUIET`]
/// after it was first seen so, which is that use.
///
/// One look in use does not settle it, because the counts are late in both directions: who left before the first look may be
/// counted some looks later, after looks that did not know of him yet.
async fn use_before_idle_for(
    broker: &Broker,
    name: &str,
    quiet: Duration,
) -> Result<Option<InUse>, TopologyError> {
    let (mut used_since, mut idle_since) = (None, None);
    loop {
        let now = Instant::now();
        if let Some(in_use) = used(broker, name).await? {
            if now.duration_since(*used_since.get_or_insert(now)) >= QUIET {
                return Ok(Some(in_use));
            }
            idle_since = None;
        } else if now.duration_since(*idle_since.get_or_insert(now)) >= quiet {
            return Ok(None);
        }
        sleep(LOOK).await;
    }
}

/// What the queue holds and who consumes it; `None` when neither, or when there is no such queue.
async fn used(broker: &Broker, name: &str) -> Result<Option<InUse>, TopologyError> {
    let in_use = broker.in_use(name).await?;
    Ok(in_use.filter(|InUse { messages, consumers }| messages + consumers > 0))
}

fn still_used(name: &str, InUse { messages, consumers }: InUse) -> Refused {
    let reason = format!(
        "it holds {messages} messages and has {consumers} consumers; stop its connector, let it run empty, and apply again"
    );
    Refused { code: "HUB-2111", name: name.to_owned(), reason }
}
