//! The demonstration: eight provinces, every kind of demand, one county that fails and comes back. `./ops/demo` builds
//! and starts it.

mod board;
mod contest;
mod given;
mod outage;
mod story;
mod summary;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Parser;
use harness::StackOptions;
use harness::home;
use harness::world::{Given, World};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Shows the road of demands through court, ministry, province and county on this machine.
///
/// Starts a private PostgreSQL and RabbitMQ, or uses those that XIEZHI_DATABASE__URL, XIEZHI_BROKER__URL and
/// XIEZHI_BROKER__MANAGEMENT_URL name. Everything is deleted at the end. People, cases and properties are invented.
#[derive(Parser)]
#[command(name = "demo", version)]
struct Arguments {
    /// Leave everything running at the end, until ctrl-c.
    #[arg(long)]
    keep: bool,
    /// Delivery window: how long a demand waits for its registry before it counts as undelivered (未送达).
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(3..=600))]
    window_secs: u64,
}

/// Exit code after ctrl-c.
const INTERRUPTED: u8 = 130;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match Box::pin(on_servers(&arguments)).await {
        Ok(Some(true)) => ExitCode::SUCCESS,
        Ok(Some(false)) => {
            println!("\nThe demonstration did not end as expected: see the lines marked with ✗.");
            ExitCode::FAILURE
        }
        Ok(None) => {
            eprintln!("\nstopped; everything that was started is ended");
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            eprintln!("\ndemo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs on private or given servers; given ones get everything back, also after ctrl-c. `None` when it was stopped.
async fn on_servers(arguments: &Arguments) -> Result<Option<bool>> {
    // Listened to from the start: nothing may be left behind when somebody is impatient.
    let (mut int, mut term) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let borrowed = given::Borrowed::from_environment().await?;
    let urls = borrowed.as_ref().map(|servers| servers.urls().clone());
    let outcome = tokio::select! {
        // What was started ends with this future or, if this process is killed, with the process.
        outcome = Box::pin(run(arguments, urls)) => outcome.map(Some),
        () = told_to_stop(&mut int, &mut term) => Ok(None),
    };
    if let Some(servers) = borrowed {
        servers.give_back().await?;
    }
    outcome
}

/// Ends with the first signal; whoever is impatient wants no logs.
async fn told_to_stop(int: &mut Signal, term: &mut Signal) {
    tokio::select! {
        _ = int.recv() => {}
        _ = term.recv() => {}
    }
    home::keep(false);
}

async fn run(arguments: &Arguments, urls: Option<Given>) -> Result<bool> {
    let begin = Instant::now();
    heading("獬豸 Xiezhi: demands for assistance in enforcement (协执) travel to eight provinces");
    let window = Duration::from_secs(arguments.window_secs);
    let builder =
        World::builder("demo").window(window).clerks_of(&[contest::REGISTRY]).narrate(move |line| {
            println!("{:5.1} s  {line}", begin.elapsed().as_secs_f64());
        });
    let builder = match urls {
        Some(urls) => builder.given(urls),
        None => builder.private(StackOptions::default()),
    };
    // Until it is known that all went well: what fails leaves its logs, and the place is printed.
    home::keep(true);
    let world = builder.start().await.context("the stack did not come up")?;
    let outcome = show(&world, arguments, begin).await;
    if outcome.is_err() {
        let log = world.hub.log();
        let bad = |line: &&str| line.contains("\"WARN\"") || line.contains("\"ERROR\"");
        let lines: Vec<&str> = log.lines().filter(bad).collect();
        eprintln!("\nlast warnings of the hub:\n{}", lines[lines.len().saturating_sub(8)..].join("\n"));
    }
    home::keep(!matches!(outcome, Ok(true)));
    let ended = world.finish().await;
    outcome.and_then(|good| ended.map(|()| good))
}

async fn show(world: &World, arguments: &Arguments, begin: Instant) -> Result<bool> {
    summary::addresses(world)?;
    heading(
        "1. Every kind of demand to every province: 查封, 轮候查封, 续封, 解封 of one property unit each",
    );
    let sent = story::send(world).await?;
    let mut expected = story::watch(world, sent).await?;
    heading("2. One county fails: 未送达, and its replay");
    let replayed = outage::play(world, arguments.window_secs).await?;
    heading("3. One property that four courts want, over three channels (hub queue)");
    expected.extend(contest::play(world).await?);
    let request = replayed.request;
    expected.push(replayed);
    heading("4. One timeline of each province (hub show)");
    summary::timelines(world, &expected, request).await?;
    heading("5. The ledger (hub ledger verify)");
    let verified = summary::ledger(world).await?;
    heading("6. Summary");
    let good = summary::compare(world, &expected).await? && verified;
    println!("took {:.0} s", begin.elapsed().as_secs_f64());
    summary::next_steps(world, arguments.keep)?;
    if arguments.keep {
        println!("\nEverything keeps running until ctrl-c, which ends and deletes it.");
        std::future::pending::<()>().await;
    }
    Ok(good)
}

fn heading(text: &str) {
    println!("\n== {text}");
}
