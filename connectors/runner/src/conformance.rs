//! `connector conformance`: the certificate that an adapter, its configuration and the local system behind it keep the contract of
//! `connectors/CONTRACT.md`.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::{Args, ValueEnum};
use connector_sdk::{
    ConfigError, Secret,
    conformance::{Bench, CountyBench, Report, Suite, options_digest},
};
use xiezhi_schemas::address::RegistryCode;

use crate::adapters;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    source: crate::Source,
    /// The registry whose local system is used, one of the configuration; without it the first.
    #[arg(long, value_name = "CODE")]
    registry: Option<RegistryCode>,
    /// Confirms that the configuration leads to a test system: seizures that no court demanded are delivered to it, and voided at the end.
    #[arg(long, required = true)]
    test_system: bool,
    /// What controls the local system, so that illness can be looked at too.
    #[arg(long, requires = "bench_url")]
    bench: Option<BenchKind>,
    /// Base URL of the bench's control calls, such as http://127.0.0.1:41234.
    #[arg(long, value_name = "URL", requires = "bench")]
    bench_url: Option<String>,
    /// Token of the control calls.
    #[arg(long, value_name = "TOKEN", env = "COUNTY_TOKEN", hide_env_values = true, default_value = "")]
    bench_token: String,
    /// How long the registry may take to decide a demand and to offer the outcome.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    decision_wait_secs: u64,
    /// Print the certificate as JSON.
    #[arg(long)]
    json: bool,
    /// Also write the certificate to this file: Markdown when its name ends in .md, else JSON.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// What can control a local system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BenchKind {
    /// The simulated county of `ops/simulators`.
    County,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let (config, table) = crate::configured(&options.source)?;
    let registry = match &options.registry {
        Some(wanted) => wanted.clone(),
        None => config.registries.first().cloned().context("the configuration names no registry")?,
    };
    if !config.registries.contains(&registry) {
        let message = format!("{registry} is not one of `registries` in the configuration");
        return Err(ConfigError::new("--registry", message).into());
    }
    let bench = bench(options).await?;
    let build = || adapters::build(&config.adapter, table.clone());
    let suite = Suite {
        build: &build,
        bench: bench.as_ref().map(|bench| bench as &dyn Bench),
        registry,
        call_timeout: config.pace.deliver_timeout,
        decision_wait: Duration::from_secs(options.decision_wait_secs),
        options_sha256: options_digest(&config.adapter, &table),
    };
    let report = suite.run().await?;
    hand_out(&report, options)?;
    Ok(if report.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The bench, once it has answered: nothing is delivered before its control is sure.
async fn bench(options: &Options) -> anyhow::Result<Option<CountyBench>> {
    let (Some(BenchKind::County), Some(url)) = (options.bench, &options.bench_url) else { return Ok(None) };
    let bench = CountyBench::new(url, Secret::from(options.bench_token.clone()))?;
    bench.is_there().await.context("no simulated county answers at --bench-url with this token")?;
    Ok(Some(bench))
}

fn hand_out(report: &Report, options: &Options) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(report)?;
    if let Some(path) = &options.report {
        let readable = path.extension().is_some_and(|extension| extension == "md");
        let text = if readable { report.markdown() } else { json.clone() + "\n" };
        std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    if options.json {
        println!("{json}");
        eprintln!("{}", report.summary());
    } else {
        println!("{report}");
    }
    if !report.left_behind.is_empty() {
        eprintln!(
            "{} requests of the run could not be voided; the report names them, remove them by hand",
            report.left_behind.len()
        );
    }
    Ok(())
}
