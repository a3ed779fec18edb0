//! Kills the programs and servers of a whole world while demands travel, then proves that nothing was lost.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use harness::chaos::{self, Kind, Options, Plant};

/// Chaos with a seed: the same seed gives the same demands and the same schedule of faults.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// Demands to submit.
    #[arg(long, default_value_t = 10_000)]
    demands: u64,
    /// Decides demands and schedule; a new one otherwise.
    #[arg(long)]
    seed: Option<u64>,
    /// Minutes over which demands are submitted and faults injected; by the number of demands otherwise.
    #[arg(long)]
    minutes: Option<f64>,
    /// Kinds of faults: hub, connector, broker, database, county (kill -9), freeze (a connector), routes (all unbound), strand
    /// (the way to the ministry unbound).
    #[arg(long, value_delimiter = ',', default_values_t = Kind::ALL)]
    kill: Vec<Kind>,
    /// How often each kind strikes; by the length of the run otherwise.
    #[arg(long)]
    strikes: Option<usize>,
    /// Plant a bug, ack_before_receipt or trust_is_ack, and inject the faults that let it out. The run should then fail.
    #[arg(long)]
    plant: Option<Plant>,
    /// Plant every bug in turn and pass when each is found.
    #[arg(long, conflicts_with = "plant")]
    self_test: bool,
    /// Only print the schedule.
    #[arg(long)]
    dry_run: bool,
    /// JSON on standard output.
    #[arg(long)]
    json: bool,
}

impl Cli {
    fn options(&self) -> Options {
        let seed = self.seed.unwrap_or_else(|| rand::random_range(0..1_000_000));
        let mut options = Options::new(self.demands, seed);
        if let Some(minutes) = self.minutes {
            options.length = Duration::from_secs_f64(minutes.clamp(0.1, 600.0) * 60.0);
        }
        options.kinds = self.kill.iter().copied().collect::<BTreeSet<_>>();
        options.strikes = self.strikes;
        options.plant = self.plant;
        options.progress = true;
        options
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match Box::pin(run(&Cli::parse())).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("chaos: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: &Cli) -> Result<bool> {
    let options = cli.options();
    if cli.dry_run {
        let plan = chaos::schedule(
            options.seed,
            &options.kinds,
            &options.provinces,
            options.length,
            options.strikes,
        );
        println!("{}", serde_json::to_string_pretty(&plan)?);
        return Ok(true);
    }
    if cli.self_test {
        // Enough to let each bug out several times; more only takes longer.
        let base = Options { demands: cli.demands.min(1_500), length: Duration::from_secs(25), ..options };
        let caught = chaos::self_test(&base).await?;
        if cli.json {
            println!("{}", serde_json::to_string_pretty(&caught)?);
        }
        for one in &caught {
            if !cli.json {
                println!("{}", one.outcome);
            }
            eprintln!("planted {}: {}", one.bug, if one.caught { "caught" } else { "NOT CAUGHT" });
        }
        return Ok(caught.iter().all(|one| one.caught));
    }
    eprintln!("chaos: seed {}", options.seed);
    let outcome = chaos::run(&options).await?;
    if cli.json {
        println!("{}", serde_json::to_string_pretty(&outcome)?);
    } else {
        println!("{outcome}");
    }
    Ok(outcome.passed())
}
