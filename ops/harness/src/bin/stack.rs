//! Runs a command with a private database and broker beside it, so that a test run needs nothing prepared.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use harness::Launch;
use harness::process::exit_code;
use harness::shared::Servers;
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

/// Private PostgreSQL and RabbitMQ for tests.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Start the servers that XIEZHI_TEST_DATABASE_URL and XIEZHI_TEST_BROKER_URL do not name, run a command with
    /// these variables set, stop the servers; ends with the command's exit code. The command gets no input.
    Run {
        /// The command and its arguments.
        #[arg(trailing_var_arg = true, required = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// End and delete what killed runs left behind.
    Sweep,
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Action::Run { command } => Box::pin(run(&command)).await,
        Action::Sweep => harness::home::sweep().map(|gone| {
            gone.iter().for_each(|path| println!("deleted {}", path.display()));
            0
        }),
    };
    match result {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            eprintln!("stack: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: &[String]) -> Result<i32> {
    // Listened to from the start: a signal while the servers come up must not leave their directory behind.
    let (mut int, mut term) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let begin = Instant::now();
    let servers = tokio::select! {
        servers = Servers::start("run") => servers?,
        _ = int.recv() => return Ok(130),
        _ = term.recv() => return Ok(143),
    };
    eprintln!(
        "stack: servers ready after {:.1} s in {}",
        begin.elapsed().as_secs_f64(),
        servers.home().path().display()
    );
    let (program, args) = command.split_first().context("no command given")?;
    // No log: the command writes where this program writes.
    let process = Launch::new("command", program)
        .args(args)
        .envs(servers.env())
        .env(harness::home::MARK, servers.home().path())
        .spawn()?;
    servers.home().record(process.pid(), process.started(), "command")?;
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    let code = loop {
        let stop = tokio::select! {
            _ = tick.tick() => None,
            _ = int.recv() => Some((Signal::INT, 130)),
            _ = term.recv() => Some((Signal::TERM, 143)),
        };
        if let Some((signal, code)) = stop {
            process.signal(signal);
            if process.wait(Duration::from_secs(10)).await.is_err() {
                process.kill9();
            }
            break code;
        }
        if let Some(status) = process.exit_status() {
            break exit_code(status);
        }
    };
    drop(servers);
    Ok(code)
}
