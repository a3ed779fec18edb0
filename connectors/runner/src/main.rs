//! The binary `connector`: reads the configuration, chooses the adapter and lets the SDK work. Data goes to standard
//! output, everything else to standard error.

mod adapters;
mod conformance;
mod dry_run;
mod mapping;
mod report;
mod signals;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use connector_sdk::{Adapter, Config, ConfigError, check, config, telemetry};

/// Brings demands from the hub to local registry systems and their receipts back.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run until SIGTERM or ctrl-c; a second signal ends at once. SIGHUP reads the mapping file again.
    Run(Source),
    /// Check configuration, hub, key, broker rights and local systems; changes nothing. Exit code 1 when something is wrong.
    Check {
        #[command(flatten)]
        source: Source,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check or test a mapping file; needs no configuration and connects to nothing.
    #[command(subcommand)]
    Mapping(mapping::Command),
    /// Show the exact bytes that a demand would be sent as; connects to nothing.
    DryRun(dry_run::Options),
    /// Run the conformance suite against a test system and give the certificate. Exit code 1 when a rule failed.
    Conformance(Box<conformance::Options>),
    /// Print a configuration with every key, its default and its meaning.
    ExampleConfig,
}

#[derive(Args)]
struct Source {
    /// The configuration file. Variables XIEZHI_CONNECTOR__… override it; without a file they must say everything.
    #[arg(long, value_name = "FILE", env = "XIEZHI_CONNECTOR_CONFIG")]
    config: Option<PathBuf>,
}

fn main() -> ExitCode {
    // First of all: a TLS client made before this would panic.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("another TLS provider was installed before");
        return ExitCode::FAILURE;
    }
    match dispatch(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}", connector_sdk::chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::ExampleConfig => {
            print!("{}", config::EXAMPLE);
            Ok(ExitCode::SUCCESS)
        }
        Command::Mapping(command) => mapping::run(&command),
        Command::DryRun(options) => dry_run::run(&options),
        Command::Conformance(options) => runtime()?.block_on(conformance::run(&options)),
        Command::Check { source, json } => {
            let (config, adapter) = match read(&source) {
                Ok(both) => both,
                Err(error) => return report::not_even_read(&error, json),
            };
            let findings = runtime()?.block_on(check::check(&config, &*adapter));
            report::print(&findings, json)
        }
        Command::Run(source) => {
            let (config, adapter) = read(&source)?;
            // Made outside the runtime: the exporter brings a runtime of its own, and its end blocks.
            let traces = telemetry::start(&config)?;
            let outcome = runtime()?.block_on(async {
                let (stop, reload) = signals::listen()?;
                connector_sdk::run(config, adapter, stop, reload).await.map_err(anyhow::Error::from)
            });
            traces.finish();
            outcome.map(|()| ExitCode::SUCCESS)
        }
    }
}

fn read(source: &Source) -> anyhow::Result<(Config, Arc<dyn Adapter>)> {
    let (config, options) = configured(source)?;
    let adapter = adapters::build(&config.adapter, options)?;
    Ok((config, adapter))
}

/// The configuration, and apart from it the options of its adapter.
fn configured(source: &Source) -> anyhow::Result<(Config, toml::Table)> {
    let text = match &source.config {
        Some(path) => std::fs::read_to_string(path).map_err(|error| {
            ConfigError::new("--config", format!("{} cannot be read: {error}", path.display()))
        })?,
        None => String::new(),
    };
    let mut config = Config::read(&text, std::env::vars())?;
    let options = std::mem::take(&mut config.adapter_options);
    Ok((config, options))
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    // Two at least: on one worker the export of traces can block everything else.
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .context("the operating system refused threads")
}
