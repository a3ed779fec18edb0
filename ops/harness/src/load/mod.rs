//! Load: how much the hub carries on this machine, next to what a bare program does with the same broker and database in
//! the same run, so that the result is a ratio and not a figure of the machine.
//!
//! Three measurements take turns, since small machines are noisy: the *hub* with its connectors and simulated county
//! systems; the *minimal* path, which makes the same steps with no checks at all; and *raw* publishing, confirming,
//! consuming and acknowledging.

mod amqp;
mod hub;
mod measure;
mod minimal;
mod raw;
mod report;
mod statements;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

pub use measure::{Cpu, Latency, Measured};
pub use report::{LoadReport, Round};

use crate::stack::StackOptions;
use crate::world::{PILOTS, World};

/// How a load run goes.
#[derive(Debug, Clone)]
pub struct Options {
    /// Demands of each measurement.
    pub demands: u64,
    /// Registries, spread over the eight pilot provinces.
    pub registries: usize,
    /// Demands offered per second; as many as go when `None`.
    pub rate: Option<f64>,
    /// How often the measurements take turns.
    pub rounds: usize,
    /// Submissions under way at once.
    pub clients: usize,
    /// Also tell how long each statement kept the hub's database; costs a little of what is measured.
    pub statements: bool,
    /// Directory of the programs; that of the current one when `None`.
    pub programs: Option<PathBuf>,
}

/// Runs everything on servers of its own.
///
/// # Errors
/// When the servers or programs do not come up, or a measurement does not end.
pub async fn run(options: &Options) -> Result<LoadReport> {
    eprintln!(
        "load: starting servers, hub, connectors and county systems for {} registries",
        options.registries
    );
    let mut stack = StackOptions::default();
    if options.statements {
        stack.postgres.settings.extend(statements::SETTINGS.map(str::to_owned));
    }
    let mut builder = World::builder("load")
        .private(stack)
        .provinces(&PILOTS)
        .registries_total(options.registries)
        .courts(&hub::COURTS)
        .window(Duration::from_secs(3_600))
        // Nothing is decided during the run: results are not what is measured.
        .decide_after(Duration::from_secs(86_400))
        .connector_env("XIEZHI_CONNECTOR__OUTCOMES__PERIOD_MILLIS", "60000");
    if let Some(dir) = &options.programs {
        builder = builder.programs(dir);
    }
    let world = Box::pin(builder.start()).await?;
    let papers = hub::prepare(&world).await.context("the documents cannot be uploaded")?;
    let registries: Vec<String> = world.registries().map(|registry| registry.code.clone()).collect();
    let mut minimal = minimal::Minimal::prepare(world.stack(), &registries).await?;

    let mut rounds = Vec::new();
    // Before anything counts: connections, caches and queues are warm then.
    let few = (options.demands / 10).clamp(200, 2_000);
    eprintln!("load: warming up with {few} demands");
    hub::measure(&world, &papers, few, None, options.clients).await?;
    minimal.measure(world.stack(), few, None).await?;
    if options.statements {
        statements::reset(&world.ground().database_url()).await?;
    }
    for round in 1..=options.rounds {
        eprintln!("load: round {round} of {}", options.rounds);
        let hub = hub::measure(&world, &papers, options.demands, options.rate, options.clients).await?;
        let bare = minimal.measure(world.stack(), options.demands, options.rate).await?;
        let raw_per_second = raw::measure(world.stack(), &registries, options.demands).await?;
        rounds.push(Round { hub, minimal: bare, raw_per_second });
    }
    // Latency means little when more is offered than fits: once more at half of what fits.
    if options.statements {
        let sent = options.demands * options.rounds as u64;
        eprintln!("{}", statements::table(&world.ground().database_url(), sent).await?);
    }
    let paced = match options.rate {
        Some(_) => None,
        None => {
            let rate = report::mean(rounds.iter().map(|round| round.hub.receipted_per_second)) / 2.0;
            eprintln!("load: once more with {rate:.0} demands offered per second");
            let count = (options.demands / 2).max(100);
            Some(hub::measure(&world, &papers, count, Some(rate), options.clients).await?)
        }
    };
    let hub_peak = world.hub.usage().context("the hub is gone")?.resident_peak;
    let report = LoadReport::new(options, rounds, paced, hub_peak);
    Box::pin(world.finish()).await?;
    Ok(report)
}
