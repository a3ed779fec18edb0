//! Measures how long the queue of a property unit takes to read when the unit has many demands and when it has few, in one
//! run and turn by turn, and prints the ratio.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use harness::wait::{self, Step};
use harness::world::{Papers, World, demand, unit_code};
use hdrhistogram::Histogram;
use reqwest::header::AUTHORIZATION;
use serde_json::json;
use xiezhi_schemas::message::Kind;

/// Reading time of a long queue against a short one.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// Demands of the long queue.
    #[arg(long, default_value_t = 1_000)]
    many: usize,
    /// Demands of the short queue.
    #[arg(long, default_value_t = 10)]
    few: usize,
    /// Reads of each.
    #[arg(long, default_value_t = 300)]
    reads: usize,
    /// JSON on standard output.
    #[arg(long)]
    json: bool,
}

const REGISTRY: &str = "320102";

#[tokio::main]
async fn main() -> ExitCode {
    match Box::pin(run(&Cli::parse())).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-queue: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: &Cli) -> Result<()> {
    if cfg!(debug_assertions) {
        eprintln!("bench-queue: this build is not optimised; use ops/bench-queue");
    }
    let world = World::builder("bench_queue").provinces(&["32"]).private(Default::default()).start().await?;
    let (long, short) = (unit_code(REGISTRY, 1), unit_code(REGISTRY, 2));
    fill(&world, &[(&long, cli.many), (&short, cli.few)]).await?;
    check(&world, &long, cli.many).await?;
    let (mut of_long, mut of_short) = (Histogram::<u64>::new(3)?, Histogram::<u64>::new(3)?);
    let http = reqwest::Client::builder().no_proxy().build()?;
    let token = world.operator().token().to_owned();
    let read = async |unit: &str| -> Result<u64> {
        let url = format!("{}/v1/units/{unit}/queue", world.hub_base());
        let begin = Instant::now();
        let answer = http.get(url).header(AUTHORIZATION, format!("Bearer {token}")).send().await?;
        ensure!(answer.status().is_success(), "the hub answered {}", answer.status());
        answer.bytes().await?;
        Ok(u64::try_from(begin.elapsed().as_micros())?)
    };
    // Turn by turn, so that whatever else the machine does weighs on both.
    for _ in 0..cli.reads {
        of_short.record(read(&short).await?)?;
        of_long.record(read(&long).await?)?;
    }
    let times =
        |h: &Histogram<u64>| json!({"p50_us": h.value_at_quantile(0.5), "p99_us": h.value_at_quantile(0.99)});
    let ratio = of_long.value_at_quantile(0.5) as f64 / of_short.value_at_quantile(0.5).max(1) as f64;
    let report = json!({"many": cli.many, "few": cli.few, "reads": cli.reads, "queue_of_many": times(&of_long),
                        "queue_of_few": times(&of_short), "ratio_p50": ratio});
    if cli.json {
        println!("{report:#}");
    } else {
        println!("first page (50 demands) of a queue of {}: {}", cli.many, report["queue_of_many"]);
        println!("whole queue of {}:                    {}", cli.few, report["queue_of_few"]);
        println!("ratio of the medians: {ratio:.1}");
    }
    world.finish().await
}

/// Sends the demands and waits until the county has registered all of them.
async fn fill(world: &World, units: &[(&str, usize)]) -> Result<()> {
    let court = world.court("court-a");
    let papers = Papers::of_case("Queue", 1);
    court.upload_all(&papers).await?;
    let mut total = 0_i64;
    for (unit, count) in units {
        for _ in 0..*count {
            let demand = demand(Kind::Seizure, REGISTRY).papers(&papers).unit(unit).build();
            court.submit(&demand.value()).await?;
            total += 1;
        }
    }
    let database = world.sql().await?;
    wait::until("all demands registered", Duration::from_secs(1_800), async || {
        let sql = "SELECT count(*) FROM inv_request WHERE state = 'registered'";
        match database.query_one(sql, &[]).await {
            Ok(row) if row.get::<_, i64>(0) >= total => Step::Done(()),
            Ok(row) => Step::Again(format!("{} of {total}", row.get::<_, i64>(0))),
            Err(error) => Step::Abort(error.into()),
        }
    })
    .await
}

/// The long queue has one formal seizure and all others wait in their order, page by page.
async fn check(world: &World, unit: &str, many: usize) -> Result<()> {
    let operator = world.operator();
    let (mut positions, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = operator.get(&format!("/v1/units/{unit}/queue?limit=500{cursor}")).await?;
        let lines = page["items"].as_array().context("a page has items")?;
        positions.extend(lines.iter().map(|line| line["position"].as_str().unwrap_or_default().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let expected = |at: usize| if at == 0 { "正式".to_owned() } else { format!("轮候 {at}") };
    let wrong = positions.iter().enumerate().find(|(at, position)| **position != expected(*at));
    ensure!(positions.len() == many, "{} of {many} demands came in pages", positions.len());
    ensure!(wrong.is_none(), "the order is not that of delivery: {wrong:?}");
    Ok(())
}
