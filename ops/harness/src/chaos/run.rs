//! One run: world, load, faults, rest, judgement.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};

use super::faults::{Injection, schedule};
use super::options::{Options, Plant};
use super::outcome::RunOutcome;
use super::{injector, plan, rest, self_test, submit, versions};
use crate::invariants::{
    self, ClientLog, Evidence, JournalLine, Queue, Settled, Shown, Watched, Watcher, connect, read_journal,
};
use crate::stack::StackOptions;
use crate::world::{Papers, World};

/// How often receipts and heads are copied and the present is checked.
const LOOK: Duration = Duration::from_secs(5);
/// Courts that submit.
const COURTS: [&str; 4] = ["court-a", "court-b", "court-c", "court-d"];
/// Longest wait for the broker's counts to catch up.
const COUNTS: Duration = Duration::from_secs(20);

/// Runs chaos on servers of its own and judges it.
///
/// # Errors
/// When the world does not come up, or a fault can neither be injected nor repaired. A violation is no error.
pub async fn run(options: &Options) -> Result<RunOutcome> {
    let bar = progress(options);
    bar.set_message("starting servers and programs");
    let world = start(options).await?;
    let plan = match options.plant {
        Some(_) => Vec::new(),
        None => schedule(options.seed, &options.kinds, &options.provinces, options.length, options.strikes),
    };
    let result = Box::pin(judge(options, &world, plan, &bar)).await;
    bar.finish_and_clear();
    match &result {
        Ok(outcome) if outcome.passed() => Box::pin(world.finish()).await?,
        // The logs are worth more than the orderly end.
        _ => keep_logs(&world, options.seed),
    }
    result
}

async fn start(options: &Options) -> Result<World> {
    let provinces: Vec<&str> = options.provinces.iter().map(String::as_str).collect();
    let mut builder = World::builder("chaos")
        .private(StackOptions::default())
        .provinces(&provinces)
        .registries_each(options.registries_each)
        .courts(&COURTS)
        // Shorter than the run, so that windows end during it, and longer than any fault.
        .window(Duration::from_secs(60));
    if let Some(dir) = &options.programs {
        builder = builder.programs(dir);
    }
    if let Some(plant) = options.plant {
        builder = match plant {
            Plant::AckBeforeReceipt => builder.connector_env("XIEZHI_PLANTED_BUG", plant.as_str()),
            Plant::TrustIsAck => builder.hub_env("XIEZHI_PLANTED_BUG", plant.as_str()),
        };
    }
    let world = Box::pin(builder.start()).await?;
    world.stack().rabbit.settle().await?;
    Ok(world)
}

fn progress(options: &Options) -> ProgressBar {
    if !options.progress {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{elapsed_precise} {bar:30} {pos}/{len} demands accepted  {msg}");
    ProgressBar::new(options.demands).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

async fn judge(
    options: &Options,
    world: &World,
    plan: Vec<Injection>,
    bar: &ProgressBar,
) -> Result<RunOutcome> {
    let url = world.ground().database_url();
    let papers = Papers::of_case("Chaos", options.seed);
    for court in world.courts() {
        world.court(court).upload_all(&papers).await.context("the documents cannot be uploaded")?;
    }
    let versions = versions::of(world).await?;
    let planned = plan::demands(world, &papers, options.seed, options.demands);
    let (log, accepted) = (ClientLog::default(), Arc::<AtomicU64>::default());
    let watcher = Watcher::start(&url, LOOK);
    bar.set_message("submitting and injecting");
    let begin = Instant::now();
    let faults = async {
        match options.plant {
            Some(plant) => self_test::expose(world, plant, begin, options.length).await,
            None => injector::all(world, &plan, begin).await,
        }
    };
    let counting = async {
        loop {
            bar.set_position(accepted.load(Ordering::Relaxed));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let (submitted, injected) = tokio::select! {
        both = async { tokio::join!(submit::all(world, planned, options.length, &log, &accepted), faults) } => both,
        () = counting => unreachable!("counting goes on until the other ends"),
    };
    let injected = injected?;
    let mut problems = Vec::new();
    if let Err(error) = submitted {
        problems.push(format!("{error:#}"));
    }

    bar.set_message("waiting for rest");
    problems.extend(rest::heal(world).await?);
    let settled = rest::settle(&url, Instant::now()).await;
    let at_rest = matches!(settled, Settled::After(_));
    let mut replayed = 0;
    if at_rest {
        bar.set_message("replaying what is undelivered");
        match rest::replay_all(world, &url).await {
            Ok(count) => replayed = count,
            Err(error) => problems.push(format!("{error:#}")),
        }
        if let Err(error) = rest::results(&url).await {
            problems.push(format!("{error:#}"));
        }
    }
    bar.set_message("checking");
    let Watched { mut copies, violations, looks, .. } = watcher.stop().await;
    copies.take(&connect(&url).await?).await?;
    let attempts = log.attempts();
    let evidence = Evidence {
        database_url: url.clone(),
        journals: Some(journals(world).await?),
        broker: Some(
            invariants::look(
                &world.ground().management()?,
                &world.ground().vhost(),
                &world.ground().broker_url(),
                COUNTS,
            )
            .await?,
        ),
        copies: Some(copies),
        settled: Some(settled.clone()),
        shown: Some(shown(world).await?),
        queues: Some(queues(world).await?),
        clients: Some(attempts.clone()),
    };
    let report = invariants::check(&evidence).await?;
    if looks == 0 {
        problems.push("no snapshot could be checked while it ran".to_owned());
    }
    Ok(RunOutcome {
        seed: options.seed,
        versions,
        planted: options.plant.map(Plant::as_str),
        accepted: accepted.load(Ordering::Relaxed),
        attempts: attempts.len() as u64,
        states: states(&url).await?,
        replayed,
        plan,
        injected,
        settled_after_secs: match settled {
            Settled::After(time) => Some(time.as_secs_f64()),
            Settled::Not { .. } => None,
        },
        snapshots: looks,
        violated_meanwhile: violations,
        problems,
        report,
    })
}

async fn journals(world: &World) -> Result<Vec<JournalLine>> {
    let mut lines = Vec::new();
    for county in world.counties().values() {
        lines.extend(read_journal(&county.journal().await?)?);
    }
    Ok(lines)
}

async fn states(url: &str) -> Result<BTreeMap<String, i64>> {
    let client = connect(url).await?;
    let rows = client.query("SELECT state, count(*) FROM inv_request GROUP BY state", &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Everything that the API shows of the units that many courts want. Read as the courts do, each its own.
async fn shown(world: &World) -> Result<Vec<Shown>> {
    // The operator sees the demands of all courts.
    let operator = world.operator();
    let mut shown = Vec::new();
    for registry in world.registries().take(4) {
        let unit = plan::hot_unit(&registry.code);
        let mut query = format!("/v1/demands?unit={unit}&limit=500");
        loop {
            let page = operator.get(&query).await?;
            for request in page["items"].as_array().into_iter().flatten() {
                let id = request["request_id"].as_str().unwrap_or_default();
                let answer = operator.get(&format!("/v1/demands/{id}")).await?;
                let list = answer["requests"].as_array().context("a demand without requests")?;
                let one =
                    list.iter().find(|one| one["request_id"] == id).context("a request is not shown")?;
                shown.push(Shown {
                    unit: unit.clone(),
                    request_id: id.to_owned(),
                    no: one["receipt"]["no"].as_i64(),
                    delivered_at: one["receipt"]["delivered_at"].as_str().map(str::parse).transpose()?,
                    state: one["state"].as_str().unwrap_or_default().to_owned(),
                });
            }
            let Some(next) = page["next"].as_str() else { break };
            query = format!("/v1/demands?unit={unit}&limit=500&cursor={next}");
        }
    }
    Ok(shown)
}

/// The queues of the same units.
async fn queues(world: &World) -> Result<Vec<Queue>> {
    let operator = world.operator();
    let mut queues = Vec::new();
    for registry in world.registries().take(4) {
        let unit = plan::hot_unit(&registry.code);
        queues.push(Queue::read(&unit, &operator.queue(&unit).await?)?);
    }
    Ok(queues)
}

/// Copies the logs of a failed run out of the directory that goes with the world.
fn keep_logs(world: &World, seed: u64) {
    let target = std::env::temp_dir().join(format!("xiezhi-chaos-{seed}-{}", std::process::id()));
    let copied = std::fs::create_dir_all(&target).and_then(|()| {
        for entry in std::fs::read_dir(world.dir())?.flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                std::fs::copy(&path, target.join(entry.file_name()))?;
            }
        }
        Ok(())
    });
    match copied {
        Ok(()) => eprintln!("logs of the failed run are in {}", target.display()),
        Err(error) => eprintln!("the logs of the failed run could not be kept: {error}"),
    }
}
