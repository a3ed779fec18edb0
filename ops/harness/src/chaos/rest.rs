//! Brings a world to rest after the faults: repairs, waits until nothing is in flight, replays what is undelivered.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::future::join_all;
use serde_json::json;

use crate::invariants::{SETTLE_WITHIN, Settled, connect};
use crate::wait::{self, Step};
use crate::world::{Part, World};

/// How long is waited for rest. Longer than it may take, so that the report tells slow from stuck.
const PATIENCE: Duration = Duration::from_secs(90);
/// Replays until everything must be delivered.
const ROUNDS: usize = 5;

/// Starts what does not run and waits until everything is ready; names what had ended without being killed, and what
/// does not become ready.
pub(super) async fn heal(world: &World) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for part in parts(world) {
        part.sigcont();
        if !part.is_running() {
            problems.push(format!("{} had ended by itself: {}", part.name(), part.log_tail(3)));
            part.spawn()?;
        }
    }
    for ready in join_all(parts(world).map(|part| part.ready(SETTLE_WITHIN))).await {
        // The end of the log, which the error brings along, is kept with the logs of a failed run.
        problems.extend(ready.err().map(|error| error.root_cause().to_string()));
    }
    Ok(problems)
}

fn parts(world: &World) -> impl Iterator<Item = &Part> {
    let counties = world.counties().values().map(|county| &**county);
    std::iter::once(&world.hub).chain(world.connectors().values()).chain(counties)
}

/// What is still on its way, in words; `None` when nothing is.
async fn left(url: &str, what: &str) -> Result<Option<String>> {
    let client = connect(url).await?;
    let row = client.query_one(what, &[]).await?;
    Ok(row.get(0))
}

const IN_FLIGHT: &str = "SELECT CASE WHEN r.n + o.n > 0 THEN r.n || ' in flight, ' || o.n || ' unconfirmed in the outbox' END \
     FROM (SELECT count(*) AS n FROM inv_request WHERE state = 'in_flight') r, \
          (SELECT count(*) AS n FROM inv_outbox WHERE confirmed_at IS NULL) o";
const UNDECIDED: &str = "SELECT CASE WHEN count(*) > 0 THEN count(*) || ' delivered without a result' END \
     FROM inv_request WHERE state = 'delivered'";

/// Waits until nothing is in flight.
pub(super) async fn settle(url: &str, since: Instant) -> Settled {
    match none_left(url, IN_FLIGHT).await {
        Ok(()) => Settled::After(since.elapsed()),
        Err(error) => Settled::Not { waited: since.elapsed(), left: format!("{:#}", error.root_cause()) },
    }
}

async fn none_left(url: &str, what: &str) -> Result<()> {
    let waiting = wait::until("rest", PATIENCE, async || match left(url, what).await {
        Ok(None) => Step::Done(()),
        Ok(Some(left)) => Step::Again(left),
        Err(error) => Step::Again(format!("{error:#}")),
    });
    waiting.await
}

/// Waits for the results of everything that was delivered.
pub(super) async fn results(url: &str) -> Result<()> {
    none_left(url, UNDECIDED).await
}

/// Replays everything undelivered until nothing is; gives how many were replayed.
pub(super) async fn replay_all(world: &World, url: &str) -> Result<u64> {
    let client = connect(url).await?;
    let mut replayed = 0;
    for _ in 0..ROUNDS {
        let row =
            client.query_one("SELECT count(*) FROM inv_request WHERE state = 'undelivered'", &[]).await?;
        let open: i64 = row.get(0);
        if open == 0 {
            return Ok(replayed);
        }
        replayed += open.unsigned_abs();
        let everything = json!({"filter": {}});
        let job = world.operator().replay(&everything, "everything is repaired, send again").await;
        job.context("the operator could not replay")?;
        none_left(url, IN_FLIGHT).await.context("after a replay")?;
    }
    anyhow::bail!("after {ROUNDS} replays something is still undelivered")
}
