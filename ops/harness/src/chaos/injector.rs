//! Injects the planned faults, repairs each, and writes down whether it really fired.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use futures::future::try_join_all;
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};

use super::faults::{Injection, Kind};
use crate::management::Management;
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
        Kind::Strand => strand(world, lasts).await,
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

/// The way from the court's tier to the ministry's.
const ROAD: [&str; 5] = ["e", "court", "e", "ministry", "bindings"];
/// Where the court's exchange sends what has no other way.
const ALTERNATE: &str = "undelivered.court";

/// Takes all ways out of the court's tier away, so that the broker hands every demand back, then restores them.
///
/// The order matters: nothing may ever reach an alternate exchange with one of its two queues bound, or the fault itself
/// would lose what the hub cannot.
pub(super) async fn cut_routes(world: &World, lasts: Duration) -> Result<bool> {
    let management = world.ground().management()?;
    let vhost = world.ground().vhost();
    let (status, body) = management.request(Method::DELETE, &["exchanges", &vhost, ALTERNATE], None).await?;
    ensure!(status.is_success(), "the broker keeps its alternate exchange: {status} {body}");
    let cut = unbind(&management, &vhost).await?;
    let probe = json!({
        "properties": {}, "routing_key": "seizure.00.0000.000000.registry", "payload": "", "payload_encoding": "string",
    });
    let path = ["exchanges", &vhost, "court", "publish"];
    let (_, answer) = management.request(Method::POST, &path, Some(&probe)).await?;
    tokio::time::sleep(lasts).await;
    bind(&management, &vhost, &cut).await?;
    mend(world).await?;
    Ok(!cut.is_empty() && answer["routed"] == false)
}

/// Takes the way to the ministry away: demands go to the court's dead-letter queue.
async fn strand(world: &World, lasts: Duration) -> Result<bool> {
    let management = world.ground().management()?;
    let cut = unbind(&management, &world.ground().vhost()).await?;
    tokio::time::sleep(lasts).await;
    mend(world).await?;
    Ok(!cut.is_empty())
}

/// Removes every binding of the way; gives what was removed.
async fn unbind(management: &Management, vhost: &str) -> Result<Vec<Value>> {
    let [e, court, to, ministry, bindings] = ROAD;
    let path = [bindings, vhost, e, court, to, ministry];
    let Value::Array(found) = management.get(&path).await? else { bail!("the list of bindings is none") };
    for binding in &found {
        let key = binding["properties_key"].as_str().unwrap_or("~");
        let one: Vec<&str> = path.iter().copied().chain([key]).collect();
        let (status, body) = management.request(Method::DELETE, &one, None).await?;
        ensure!(status.is_success(), "the broker keeps a binding: {status} {body}");
    }
    ensure!(
        management.get(&path).await? == json!([]),
        "the broker still has bindings from court to ministry"
    );
    Ok(found)
}

async fn bind(management: &Management, vhost: &str, cut: &[Value]) -> Result<()> {
    let [e, court, to, ministry, bindings] = ROAD;
    for binding in cut {
        let body = json!({"routing_key": binding["routing_key"], "arguments": binding["arguments"]});
        let path = [bindings, vhost, e, court, to, ministry];
        let (status, body) = management.request(Method::POST, &path, Some(&body)).await?;
        ensure!(status.is_success(), "the broker refuses a binding: {status} {body}");
    }
    Ok(())
}

/// Has the hub's own command build whatever is missing.
async fn mend(world: &World) -> Result<()> {
    wait::until("the topology to be applied again", REPAIR, async || {
        world.hub_cli(&["topology", "apply", "--yes"]).await
    })
    .await
    .map(drop)
}
