//! Tests the test: with a bug planted in hub or connector, the same checks must find it, under faults that let it out.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use super::faults::Kind;
use super::injector::{self, Injected};
use super::options::{Options, Plant};
use super::outcome::RunOutcome;
use crate::world::{Part, World};

/// How long demands pile up before their connectors.
const BACKLOG: Duration = Duration::from_secs(2);
/// How long the hub stands still while connectors deliver and wait for their receipts.
const STILL: Duration = Duration::from_millis(1_000);

/// One planted bug and whether it was found.
#[derive(Debug, Clone, Serialize)]
pub struct Caught {
    /// The bug.
    pub bug: &'static str,
    /// Whether an invariant that tells of loss was violated.
    pub caught: bool,
    /// The run.
    pub outcome: RunOutcome,
}

/// Runs every planted bug. Each must violate V03 or V09, which say that nothing is lost.
///
/// # Errors
/// When a run cannot be made.
pub async fn self_test(base: &Options) -> Result<Vec<Caught>> {
    let mut all = Vec::new();
    for plant in Plant::ALL {
        let options = Options { plant: Some(plant), ..base.clone() };
        let outcome = Box::pin(super::run(&options)).await?;
        let violated = outcome.violated();
        let caught = (violated.contains("V03") || violated.contains("V09"))
            && outcome.not_fired().next().is_none()
            && !outcome.injected.is_empty();
        all.push(Caught { bug: plant.as_str(), caught, outcome });
    }
    Ok(all)
}

/// Faults that let a bug out, as often as the time allows.
pub(super) async fn expose(
    world: &World,
    plant: Plant,
    begin: Instant,
    length: Duration,
) -> Result<Vec<Injected>> {
    let mut log = Vec::new();
    while begin.elapsed() + Duration::from_secs(2) < length {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let at = begin.elapsed();
        let (fault, kind, fired) = match plant {
            Plant::AckBeforeReceipt => {
                ("freeze the hub, kill -9 every connector", Kind::Connector, lose_connectors(world).await?)
            }
            Plant::TrustIsAck => {
                let cut = injector::cut_routes(world, Duration::from_millis(1_500)).await?;
                ("unbind all routes of the court", Kind::Routes, cut)
            }
        };
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        log.push(Injected {
            at_ms: millis(at),
            fault: fault.to_owned(),
            kind,
            fired,
            repaired_after_ms: millis(begin.elapsed().saturating_sub(at)),
        });
    }
    Ok(log)
}

/// Lets demands pile up, and receipts after them: while the hub stands still, those that a connector had acknowledged
/// and not even asked for die with it.
async fn lose_connectors(world: &World) -> Result<bool> {
    let connectors = || world.connectors().values();
    connectors().for_each(Part::sigstop);
    tokio::time::sleep(BACKLOG).await;
    world.hub.sigstop();
    connectors().for_each(Part::sigcont);
    tokio::time::sleep(STILL).await;
    let fired = connectors().all(Part::is_running);
    connectors().for_each(Part::kill9);
    world.hub.sigcont();
    for connector in connectors() {
        connector.spawn()?;
    }
    Ok(fired)
}
