//! Measures how many demands the hub carries, beside what a bare program does on the same machine in the same run.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use harness::load::{self, Options};

/// Load on the whole road, as a ratio to the minimal path.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// Demands of each measurement.
    #[arg(long, default_value_t = 10_000)]
    demands: u64,
    /// Registries, spread over eight provinces.
    #[arg(long, default_value_t = 300)]
    registries: usize,
    /// Demands offered per second; as many as go otherwise.
    #[arg(long)]
    rate: Option<f64>,
    /// How often hub, minimal path and raw broker take turns.
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// Submissions under way at once; courts are many.
    #[arg(long, default_value_t = 128)]
    clients: usize,
    /// Print what each statement cost the hub's database; slows the hub a little.
    #[arg(long)]
    statements: bool,
    /// JSON on standard output.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match Box::pin(run(&Cli::parse())).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: &Cli) -> Result<()> {
    if cfg!(debug_assertions) {
        eprintln!("load: this build is not optimised; the figures are worth nothing. Use ops/load.");
    }
    let options = Options {
        demands: cli.demands.max(100),
        registries: cli.registries.max(1),
        rate: cli.rate.filter(|rate| *rate > 0.0),
        rounds: cli.rounds.max(1),
        clients: cli.clients.max(1),
        statements: cli.statements,
        programs: None,
    };
    let report = load::run(&options).await?;
    if cli.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
    }
    Ok(())
}
