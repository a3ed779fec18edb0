//! Measures the hub through its API, with real connectors and simulated county systems behind it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use futures::future::try_join_all;
use xiezhi_schemas::message::Kind;

use super::measure::{Cpu, Latency, Measured, Servers, per};
use crate::invariants::connect;
use crate::wait::{self, Step};
use crate::world::{Papers, Part, World, demand};

/// Who submits.
pub(super) const COURTS: [&str; 4] = ["court-a", "court-b", "court-c", "court-d"];
/// Longest time without any new receipt.
const STUCK: Duration = Duration::from_secs(120);

/// Uploads one set of documents, which all demands share, for each court.
pub(super) async fn prepare(world: &World) -> Result<Papers> {
    let papers = Papers::of_case("Load", 1);
    for court in COURTS {
        world.court(court).upload_all(&papers).await?;
    }
    Ok(papers)
}

fn cpu<'a>(parts: impl Iterator<Item = &'a Part>) -> Duration {
    parts.filter_map(Part::usage).map(|usage| usage.cpu).sum()
}

/// Submits demands, each for a unit of its own, and waits until all have receipts.
pub(super) async fn measure(
    world: &World,
    papers: &Papers,
    count: u64,
    rate: Option<f64>,
    clients: usize,
) -> Result<Measured> {
    let registries: Vec<&str> = world.registries().map(|registry| registry.code.as_str()).collect();
    let bodies: Vec<Vec<u8>> = (0..count)
        .map(|n| {
            let registry = registries[usize::try_from(n).unwrap_or(0) % registries.len()];
            demand(Kind::Seizure, registry).papers(papers).build().value().to_string().into_bytes()
        })
        .collect();
    let database = connect(&world.ground().database_url()).await?;
    let received = "SELECT coalesce(sum(size), 0)::bigint FROM ledger_head";
    let before: i64 = database.query_one(received, &[]).await?.get(0);
    let since: jiff::Timestamp = database.query_one("SELECT clock_timestamp()", &[]).await?.get(0);
    let counties = || world.counties().values().map(|county| &**county);
    let spent = || (cpu(std::iter::once(&world.hub)), cpu(world.connectors().values()), cpu(counties()));
    let (hub, connectors, systems) = spent();
    let servers = Servers::now(world.stack());

    let begin = Instant::now();
    submit(world, &bodies, rate, clients).await?;
    let accepted_in = begin.elapsed();
    let mut last = (before, Instant::now());
    wait::until("all receipts", Duration::from_secs(3_600), async || {
        let now: i64 = match database.query_one(received, &[]).await {
            Ok(row) => row.get(0),
            Err(error) => return Step::Abort(error.into()),
        };
        if now > last.0 {
            last = (now, Instant::now());
        }
        let missing = count.saturating_sub((now - before).unsigned_abs());
        if missing == 0 {
            Step::Done(())
        } else if last.1.elapsed() > STUCK {
            Step::Abort(anyhow::anyhow!("{missing} of {count} demands get no receipt"))
        } else {
            Step::Again(format!("{missing} missing"))
        }
    })
    .await?;
    let (hub_now, connectors_now, systems_now) = spent();
    let (broker_us, database_us) = servers.since(world.stack(), count);
    let row = database
        .query_one(
            "SELECT count(*), (extract(epoch FROM max(c.recorded_at) - min(r.accepted_at)) * 1000000)::bigint, \
             array_agg((extract(epoch FROM c.recorded_at - r.accepted_at) * 1000000)::bigint) \
             FROM inv_receipt c JOIN inv_request r USING (request_id) WHERE r.accepted_at >= $1",
            &[&since],
        )
        .await?;
    let (found, whole, times): (i64, i64, Vec<i64>) = (row.get(0), row.get(1), row.get(2));
    ensure!(found.unsigned_abs() == count, "{found} receipts for {count} demands");
    Ok(Measured {
        demands: count,
        accepted_per_second: count as f64 / accepted_in.as_secs_f64(),
        receipted_per_second: count as f64 * 1e6 / whole as f64,
        latency: Latency::of(times)?,
        cpu: Cpu {
            program_us: per(hub_now.saturating_sub(hub), count),
            connectors_us: per(connectors_now.saturating_sub(connectors), count),
            counties_us: per(systems_now.saturating_sub(systems), count),
            broker_us,
            database_us,
        },
    })
}

async fn submit(world: &World, bodies: &[Vec<u8>], rate: Option<f64>, clients: usize) -> Result<()> {
    let url = format!("{}/v1/demands", world.hub_base());
    // Courts keep their connections, unlike the tests' clients.
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
    let (next, begin) = (AtomicUsize::new(0), Instant::now());
    let client = async |who: usize| -> Result<()> {
        let token = world.tokens().get(COURTS[who % COURTS.len()]).context("every court has a token")?;
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(body) = bodies.get(place) else { return Ok(()) };
            if let Some(rate) = rate {
                let due = Duration::from_secs_f64(place as f64 / rate);
                tokio::time::sleep(due.saturating_sub(begin.elapsed())).await;
            }
            loop {
                let request = http.post(&url).bearer_auth(token).header("content-type", "application/json");
                let answer = request.body(body.clone()).send().await?;
                match answer.status().as_u16() {
                    201 => break,
                    // Back pressure: courts come again.
                    503 => tokio::time::sleep(Duration::from_millis(100)).await,
                    status => bail!("a demand was answered {status}: {}", answer.text().await?),
                }
            }
        }
    };
    try_join_all((0..clients.max(1)).map(client)).await?;
    Ok(())
}
