//! The second part: a county system is down until the delivery window has passed, then it comes back and an operator
//! replays the demand. Only the receipt is later; everything else is as it was.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use harness::world::{Court, World, demand};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;
use xiezhi_schemas::message::Kind;

use crate::board::time_of_day;
use crate::story::Expected;

const COURT: &str = "court-a";
/// The province whose county fails, where it takes part.
const PROVINCE: &str = "32";
/// Beyond the window: time for the broker, the hub and a busy machine.
const SLACK: Duration = Duration::from_secs(30);

/// Plays it; the error says what was not as it must be.
pub(crate) async fn play(world: &World, window_secs: u64) -> Result<Expected> {
    let registry = world
        .registries()
        .filter(|registry| registry.province() == PROVINCE)
        .last()
        .or_else(|| world.registries().last())
        .context("a world has registries")?;
    let code = registry.code.as_str();
    let court = world.court(COURT);
    world.fault(code, "down").await?;
    println!("{} is down: every call to its system is answered 503", registry.name);

    let requests = court.send(&demand(Kind::Seizure, code).build()).await?;
    let request = *requests.first().context("a demand has a request")?;
    println!("court-a sends a seizure (查封) there: request {request}");
    println!("waiting for the delivery window of {window_secs} s to pass …");
    let before =
        court.wait_for_state(request, "undelivered", Duration::from_secs(window_secs) + SLACK).await?;
    ensure!(before["receipt"].is_null(), "there is a receipt although nobody received the demand");

    let notice = notice(&court, request).await?;
    let told = text(&notice, "/at")?;
    println!("\nthe court is told (feedback no {}):", notice["seq"]);
    println!("  未送达 since {}", shown(&told));
    println!("  cause {}, code {}", notice["body"]["cause"], notice["body"]["code"]);
    println!("  the road ended at tier {}, attempt {}", notice["body"]["tier"], notice["body"]["attempt"]);

    world.fault(code, "none").await?;
    println!("\n{} is back; the operator looks and sends it again:", registry.name);
    let list = ["undelivered", "list", "--registry", code];
    run(world, &list).await?;
    let reason = "the county's system is back";
    run(world, &["undelivered", "replay", "--registry", code, "--reason", reason, "--yes"]).await?;

    let after = court.wait_for_state(request, "registered", SLACK + SLACK).await?;
    let received = text(&after, "/receipt/delivered_at")?;
    println!("\nwhat the replay changed:");
    let accepted = text(&after, "/accepted_at")?;
    let later = instant(&received)? > instant(&told)?;
    row("receipt (送达)", "none", &shown(&received), later);
    row("attempt", &before["attempt"].to_string(), &after["attempt"].to_string(), after["attempt"] == 2);
    println!("and what it did not:");
    let mut same = true;
    for (name, key) in [
        ("request id", "request_id"),
        ("message id", "message_id"),
        ("body digest", "body_sha256"),
        ("accepted at", "accepted_at"),
        ("place in the lane", "lane_seq"),
    ] {
        let short = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let equal = before[key] == after[key] && !before[key].is_null();
        row(name, &short(&before[key]), &short(&after[key]), equal);
        same &= equal;
    }
    ensure!(instant(&accepted)? < instant(&received)? && later, "the receipt is not later than the outage");
    ensure!(same, "the replay changed more than the receipt");
    in_journal(world, code, request, &after).await?;
    let court = COURT.to_owned();
    let registry = code.to_owned();
    Ok(Expected { request, court, kind: Kind::Seizure, registry, state: "registered", status: "formal" })
}

/// The county itself wrote down one delivery, of the same bytes.
async fn in_journal(world: &World, registry: &str, request: Uuid, after: &Value) -> Result<()> {
    let id = request.to_string();
    let journal = world.journal(&registry[..2]).await?;
    let of_it = |entry: &&Value| entry["event"] == "taken" && entry["request_id"] == id.as_str();
    let taken: Vec<&Value> = journal.iter().filter(of_it).collect();
    let &[entry] = taken.as_slice() else {
        bail!("the county's journal has {} entries of the demand instead of one", taken.len())
    };
    ensure!(entry["body_sha256"] == after["body_sha256"], "the county's journal has another digest: {entry}");
    println!("the county's own journal holds it once, with this digest");
    Ok(())
}

/// The event by which the court learned of it.
async fn notice(court: &Court, request: Uuid) -> Result<Value> {
    let events = court.events_of(request).await?;
    let found = events.into_iter().find(|event| event["body"]["event"] == "undelivered");
    found.context("the court was not told that its demand is undelivered")
}

async fn run(world: &World, args: &[&str]) -> Result<()> {
    println!("  $ hub {}", args.join(" "));
    let output = world.hub_cli_as("operator-1", args).await?;
    output.lines().for_each(|line| println!("    {line}"));
    Ok(())
}

fn row(name: &str, before: &str, after: &str, good: bool) {
    let mark = if good { '✓' } else { '✗' };
    if before == after {
        println!("  {mark} {name}: {after}");
    } else {
        println!("  {mark} {name}: {before} → {after}");
    }
}

fn text(value: &Value, pointer: &str) -> Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    found.with_context(|| format!("there is no {pointer} in {value}"))
}

fn instant(text: &str) -> Result<Timestamp> {
    text.parse().with_context(|| format!("{text} is no instant"))
}

fn shown(text: &str) -> String {
    instant(text).map_or_else(|_| text.to_owned(), time_of_day)
}
