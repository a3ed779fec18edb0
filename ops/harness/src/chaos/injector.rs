//! Injects the planned faults, repairs each, and writes down whether it really fired.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use reqwest::Method;
use serde::Serialize;
use serde_json::json;

use super::faults::{Injection, Kind};
use crate::procfs;
use crate::wait;
use crate::world::{Part, World};

/// Longest time of one repair.
const REPAIR: Duration = Duration::from_secs(60);

/// What became of a planned fault.
#[derive(Debug, Clone, Serialize)]
pub struct Injected {
    /// When it struck, since the beginning.
    pub at_ms: u64,
    /// The fault in words.
    pub fault: String,
    /// Its kind.
    pub kind: Kind,
    /// Whether it fired: the process was there and is dead, stands still, or the routes are gone.
    pub fired: bool,
    /// Time until it was repaired.
    pub repaired_after_ms: u64,
}

/// Injects everything, groups side by side, and gives the log in order of time.
pub(super) async fn all(world: &World, plan: &[Injection], begin: Instant) -> Result<Vec<Injected>> {
    let group = async |group: usize| -> Result<Vec<Injected>> {
        let mut log = Vec::new();
        for injection in plan.iter().filter(|i| i.fault.kind.group() == group) {
            let due = Duration::from_millis(injection.at_ms);
            tokio::time::sleep(due.saturating_sub(begin.elapsed())).await;
            let at = begin.elapsed();
            let fired = strike(world, injection)
                .await
                .with_context(|| format!("{} could not be injected or repaired", injection.fault))?;
            log.push(Injected {
                at_ms: millis(at),
                fault: injection.fault.to_string(),
                kind: injection.fault.kind,
                fired,
                repaired_after_ms: millis(begin.elapsed().saturating_sub(at)),
            });
        }
        Ok(log)
    };
    let logs = try_join_all((0..Kind::GROUPS).map(|n| Box::pin(group(n)))).await?;
    let mut log: Vec<Injected> = logs.into_iter().flatten().collect();
    log.sort_by_key(|injected| injected.at_ms);
    Ok(log)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// One fault and its repair; whether it fired.
async fn strike(world: &World, injection: &Injection) -> Result<bool> {
    let lasts = Duration::from_millis(injection.lasts_ms);
    let province = injection.fault.province.as_str();
    match injection.fault.kind {
        Kind::Hub => kill(&world.hub, lasts).await,
        Kind::Connector => kill(world.connector(province), lasts).await,
        Kind::County => kill(world.county(province), lasts).await,
        Kind::Freeze => freeze(world.connector(province), lasts).await,
        Kind::Database => {
            let server = &world.stack().postgres;
            let ran = server.is_running();
            server.kill9();
            let fired = ran && !server.is_running();
            tokio::time::sleep(lasts).await;
            server.restart().await?;
            Ok(fired)
        }
        Kind::Broker => {
            let server = &world.stack().rabbit;
            // What is to be shown is the loss of a process, not that a very young queue is forgotten.
            server.settle().await?;
            let ran = server.is_running();
            server.kill9();
            let fired = ran && !server.is_running();
            tokio::time::sleep(lasts).await;
            server.restart().await?;
            Ok(fired)
        }
        Kind::Routes => cut_routes(world, lasts).await,
    }
}

async fn kill(part: &Part, lasts: Duration) -> Result<bool> {
    let ran = part.is_running();
    part.kill9();
    let fired = ran && !part.is_running();
    tokio::time::sleep(lasts).await;
    // Not waited for: it must come up by itself while other faults go on.
    part.spawn()?;
    Ok(fired)
}

/// Stands still for longer than the broker's patience. Another fault may kill it meanwhile; then it did not fire.
async fn freeze(part: &Part, lasts: Duration) -> Result<bool> {
    part.sigstop();
    let pid = part.pid();
    let stopped = || pid.and_then(procfs::stat).is_some_and(|stat| stat.state == 'T');
    let fired = wait::until("the program to stand still", Duration::from_secs(5), async || stopped()).await;
    tokio::time::sleep(lasts).await;
    let fired = fired.is_ok() && part.pid() == pid && stopped();
    part.sigcont();
    Ok(fired)
}

/// Bindings that lead out of the court's exchange and out of its alternate exchange.
const ROADS: [(&str, &str, char); 3] = [
    ("court", "ministry", 'e'),
    ("undelivered.court", "undelivered.court", 'q'),
    ("undelivered.court", "hub.undelivered.court", 'q'),
];

/// Takes all roads away, so that the broker hands every demand back, and has the hub's own command build them again.
pub(super) async fn cut_routes(world: &World, lasts: Duration) -> Result<bool> {
    let management = world.ground().management()?;
    let vhost = world.ground().vhost();
    let mut cut = 0;
    for (source, destination, kind) in ROADS {
        let kind = kind.to_string();
        let path = ["bindings", vhost.as_str(), "e", source, &kind, destination];
        let bindings = management.get(&path).await?;
        for binding in bindings.as_array().into_iter().flatten() {
            let key = binding["properties_key"].as_str().unwrap_or("~");
            let one: Vec<&str> = path.iter().copied().chain([key]).collect();
            let (status, body) = management.request(Method::DELETE, &one, None).await?;
            anyhow::ensure!(status.is_success(), "the broker keeps a binding: {status} {body}");
            cut += 1;
        }
    }
    let probe = json!({"properties": {}, "routing_key": "seizure.00.0000.000000.registry", "payload": "", "payload_encoding": "string"});
    let path = ["exchanges", vhost.as_str(), "court", "publish"];
    let (_, answer) = management.request(Method::POST, &path, Some(&probe)).await?;
    tokio::time::sleep(lasts).await;
    wait::until("the topology to be applied again", REPAIR, async || {
        world.hub_cli(&["topology", "apply", "--yes"]).await
    })
    .await?;
    Ok(cut >= ROADS.len() && answer["routed"] == false)
}
