//! One property that four courts want: by the network (总对总), over the county's own link (点对点), at the window (线下窗口), and by
//! the network once more, returned first. Its queue before and after the first of them is lifted.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use harness::wait;
use harness::world::{World, demand, unit_code};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;
use xiezhi_schemas::message::Kind;

use crate::board::{pad_to, time_of_day};
use crate::story::Expected;

/// Where it lies; the world is built with clerks for its window.
pub(crate) const REGISTRY: &str = "320102";
/// Courts that send by the network; the others have no account here, their papers come otherwise.
const FIRST: &str = "court-a";
const FOURTH: &str = "court-b";
/// The number of the unit; story and outage use other ones.
const UNIT: u64 = 910_000;
/// Longest wait for one step.
const PATIENCE: Duration = Duration::from_secs(60);

/// Plays it and gives the demands of the network with how they must end.
pub(crate) async fn play(world: &World) -> Result<Vec<Expected>> {
    let unit = unit_code(REGISTRY, UNIT);
    let seizure = |court: &str| demand(Kind::Seizure, REGISTRY).court(court).unit(&unit);
    let (first, fourth) = (world.court(FIRST), world.court(FOURTH));
    let county = world.county(&REGISTRY[..2]);
    let mut sent = Vec::new();
    let mut note = |court: &str, request, kind, state, status| {
        let (court, registry) = (court.to_owned(), REGISTRY.to_owned());
        sent.push(Expected { request, court, kind, registry, state, status });
    };

    let sealed = seizure("京0105").build();
    let original = sealed.submission.case_number.to_string();
    let request = one(&first.send(&sealed).await?)?;
    first.wait_for_state(request, "registered", PATIENCE).await?;
    note(FIRST, request, Kind::Seizure, "registered", "formal");
    println!("京0105 sends by the network (总对总): received and registered");

    println!(
        "沪0115 serves its demand over the county's own link (点对点); the connector reports the receipt"
    );
    let served = seizure("沪0115").build();
    county.by_its_own_link(REGISTRY, "DD-0001", &served.value()).await?;
    registered(world, &unit, "p2p").await?;

    println!(
        "渝0103 hands its papers over at the window (线下窗口); the clerk enters them, the county files them"
    );
    let papers = seizure("渝0103").build();
    let entry = world.window(REGISTRY)?.record(&papers, Timestamp::now(), None).await?;
    ensure!(entry["status"] == "recorded", "the papers of the window were not recorded: {entry}");
    let id = entry["requests"][0]["request_id"].as_str().and_then(|id| id.parse().ok());
    county.at_its_window(REGISTRY, &[id.context("an entry has requests")?], &papers.value()).await?;
    registered(world, &unit, "window").await?;

    println!(
        "浙0106 sends by the network; the registry returns it (退回), and it is corrected and sent again"
    );
    let bad = seizure("浙0106").remarks("SIM:RETURN").build();
    let returned = one(&fourth.send(&bad).await?)?;
    fourth.wait_for_state(returned, "returned", PATIENCE).await?;
    note(FOURTH, returned, Kind::Seizure, "returned", "-");
    let corrected = one(&fourth.send(&seizure("浙0106").prior(returned).build()).await?)?;
    fourth.wait_for_state(corrected, "registered", PATIENCE).await?;
    note(FOURTH, corrected, Kind::Seizure, "registered", "waiting");

    let before = show(world, &unit, "\nthe queue of the property:").await?;
    ensure!(before == ["正式", "轮候 1", "轮候 2", "轮候 3", "-"], "not the order of receipt: {:?}", before);

    let lifting = demand(Kind::Lifting, REGISTRY).unit(&unit).original(&original).build();
    let lifted = one(&first.send(&lifting).await?)?;
    first.wait_for_state(lifted, "registered", PATIENCE).await?;
    note(FIRST, lifted, Kind::Lifting, "registered", "lifted");
    let after = show(world, &unit, "\n京0105 lifts its seizure (解封), and everybody moves up:").await?;
    ensure!(after == ["已解除", "正式", "轮候 1", "轮候 2", "-", "-"], "not everybody moved up: {:?}", after);
    Ok(sent)
}

fn one(requests: &[Uuid]) -> Result<Uuid> {
    let &[request] = requests else { bail!("one unit became {} requests", requests.len()) };
    Ok(request)
}

async fn queue(world: &World, unit: &str) -> Result<Vec<Value>> {
    let mut queue = world.operator().get(&format!("/v1/units/{unit}/queue")).await?;
    match queue["items"].take() {
        Value::Array(lines) => Ok(lines),
        other => bail!("a queue has items: {other}"),
    }
}

/// Waits until what came by the channel is registered.
async fn registered(world: &World, unit: &str, channel: &str) -> Result<()> {
    let what = format!("the demand by {channel} to be registered");
    wait::until(&what, PATIENCE, async || {
        let lines = queue(world, unit).await?;
        let found = lines.iter().find(|line| line["channel"] == channel);
        let state = found.map_or("not in the queue", |line| line["state"].as_str().unwrap_or_default());
        if state == "registered" { Ok(()) } else { Err(anyhow!("{state}")) }
    })
    .await
}

/// Prints the queue and gives its positions in order.
async fn show(world: &World, unit: &str, why: &str) -> Result<Vec<String>> {
    println!("{why}\n  $ hub queue {unit}");
    println!("  place  position  channel  received (送达)  kind     state       court");
    let lines = queue(world, unit).await?;
    for line in &lines {
        let text = |pointer: &str| line.pointer(pointer).and_then(Value::as_str).unwrap_or("-");
        let place = line["place"].as_u64().map_or_else(|| "-".to_owned(), |place| place.to_string());
        let received = text("/delivered_at").parse().map_or_else(|_| "-".to_owned(), time_of_day);
        println!(
            "  {place:<5}  {}{:<7}  {received:<15}  {:<7}  {:<10}  {}",
            pad_to(text("/position"), 10),
            text("/channel"),
            text("/kind"),
            text("/state"),
            text("/demand/court_code"),
        );
    }
    Ok(lines.iter().map(|line| line["position"].as_str().unwrap_or("-").to_owned()).collect())
}
