//! Submits the planned demands as courts do: until each is accepted, under the same key, and writes every attempt down.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use futures::future::try_join_all;
use serde_json::{Value, json};

use super::plan::Planned;
use crate::invariants::{Attempt, ClientLog, Outcome};
use crate::world::{Court, World};

/// Submissions under way at once.
const AT_ONCE: usize = 8;
/// A submission that is not answered by now never is.
const PATIENCE: Duration = Duration::from_secs(15);
/// Longest time for which one demand is tried.
const PERSISTENCE: Duration = Duration::from_secs(180);

/// Submits everything, spread evenly over `length`; counts accepted demands in `accepted`.
pub(super) async fn all(
    world: &World,
    planned: Vec<Planned>,
    length: Duration,
    log: &ClientLog,
    accepted: &Arc<AtomicU64>,
) -> Result<()> {
    let begin = Instant::now();
    let next = AtomicUsize::new(0);
    let pause = length.div_f64(planned.len().max(1) as f64);
    let work = async || -> Result<()> {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(one) = planned.get(place) else { return Ok(()) };
            let due = pause.mul_f64(place as f64);
            tokio::time::sleep(due.saturating_sub(begin.elapsed())).await;
            submit(&world.court(&one.court), one, log).await?;
            accepted.fetch_add(1, Ordering::Relaxed);
        }
    };
    try_join_all((0..AT_ONCE).map(|_| work())).await?;
    Ok(())
}

async fn submit(court: &Court, planned: &Planned, log: &ClientLog) -> Result<()> {
    let begin = Instant::now();
    let mut pause = Duration::from_millis(50);
    loop {
        match attempt(court, &planned.body, log).await {
            Some(200..=299) => break,
            Some(status @ 400..=499) if status != 429 => {
                bail!("{} is refused with {status}, which no fault explains", planned.body["demand_id"]);
            }
            _ if begin.elapsed() > PERSISTENCE => {
                bail!("{} was not accepted in {PERSISTENCE:?}", planned.body["demand_id"]);
            }
            _ => {}
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
    if planned.repeat {
        attempt(court, &planned.body, log).await;
    }
    if planned.misuse {
        let mut other = planned.body.clone();
        other["remarks"] = json!("another demand under the same number");
        attempt(court, &other, log).await;
    }
    Ok(())
}

/// One attempt; gives the status, if any.
async fn attempt(court: &Court, body: &Value, log: &ClientLog) -> Option<u16> {
    let begin = Instant::now();
    let answer = tokio::time::timeout(PATIENCE, court.try_submit(body)).await;
    let latency = begin.elapsed();
    let outcome = match answer {
        Ok(Ok(answer)) => Outcome::Answered { status: answer.status.as_u16(), body: answer.body },
        Ok(Err(error)) => Outcome::NoAnswer { why: format!("{error:#}") },
        Err(_) => Outcome::NoAnswer { why: "waited in vain".to_owned() },
    };
    let status = match &outcome {
        Outcome::Answered { status, .. } => Some(*status),
        Outcome::NoAnswer { .. } => None,
    };
    log.add(Attempt {
        sender: court.name().to_owned(),
        key: body["demand_id"].as_str().unwrap_or_default().to_owned(),
        meaning: Attempt::meaning_of(body),
        latency,
        outcome,
    });
    status
}
