//! The first part: four demands of two courts against one unit in every province, in their legal order.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use futures::future::try_join_all;
use harness::world::{Registry, World, demand, unit_code};
use uuid::Uuid;
use xiezhi_schemas::message::Kind;

use crate::board::Board;

/// A demand that was sent, and how it must end.
pub(crate) struct Expected {
    pub(crate) request: Uuid,
    pub(crate) court: String,
    pub(crate) kind: Kind,
    pub(crate) registry: String,
    /// State in the hub.
    pub(crate) state: &'static str,
    /// What stands in the register: `formal`, `waiting`, `lifted`.
    pub(crate) status: &'static str,
}

/// First and second court: whoever is received first ranks first.
const COURTS: [(&str, &str); 2] = [("court-a", "京0105"), ("court-b", "沪0115")];
/// The number of the unit in every registry; the outage uses other ones.
const UNIT: u64 = 900_000;
/// Longest time until everything of the first part is registered.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends everything: provinces side by side, the demands of one unit one after the other.
pub(crate) async fn send(world: &World) -> Result<Vec<(usize, Expected)>> {
    let begin = Instant::now();
    let provinces = world.provinces().iter().enumerate();
    let sent = provinces.filter_map(|(row, province)| Some((row, province.registries.first()?)));
    let sent = try_join_all(sent.map(|(row, registry)| to_registry(world, row, registry))).await?;
    let sent: Vec<_> = sent.into_iter().flatten().collect();
    println!(
        "{} demands accepted in {:.1} s, each with three PDF documents\n",
        sent.len(),
        begin.elapsed().as_secs_f64()
    );
    Ok(sent)
}

async fn to_registry(world: &World, row: usize, registry: &Registry) -> Result<Vec<(usize, Expected)>> {
    let unit = unit_code(&registry.code, UNIT);
    let mut original = String::new();
    let mut sent = Vec::new();
    // The second court's seizure waits behind the first one's, which is then renewed and at last lifted.
    let steps = [
        (Kind::Seizure, COURTS[0], "formal"),
        (Kind::Waiting, COURTS[1], "waiting"),
        (Kind::Renewal, COURTS[0], "formal"),
        (Kind::Lifting, COURTS[0], "lifted"),
    ];
    for (kind, (court, code), status) in steps {
        let mut building = demand(kind, &registry.code).court(code).unit(&unit);
        if matches!(kind, Kind::Renewal | Kind::Lifting) {
            building = building.original(&original);
        }
        let demand = building.build();
        if kind == Kind::Seizure {
            original = demand.submission.case_number.to_string();
        }
        let requests = world.court(court).send(&demand).await?;
        let &[request] = requests.as_slice() else { bail!("one unit became {} requests", requests.len()) };
        let registry = registry.code.clone();
        let court = court.to_owned();
        sent.push((row, Expected { request, court, kind, registry, state: "registered", status }));
    }
    Ok(sent)
}

/// Shows the table until every journey has ended.
pub(crate) async fn watch(world: &World, sent: Vec<(usize, Expected)>) -> Result<Vec<Expected>> {
    let mut board = Board::new(world);
    let mut travelling: HashMap<Uuid, String> = HashMap::new();
    for (row, one) in &sent {
        board.place(one.request, *row, one.kind);
        travelling.insert(one.request, one.registry.clone());
    }
    let mut cursors: Vec<_> = COURTS.iter().map(|(name, _)| (world.court(name), 0)).collect();
    let begin = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    while !travelling.is_empty() && begin.elapsed() < PATIENCE {
        tick.tick().await;
        for (court, after) in &mut cursors {
            for event in court.feedback(*after, 0).await? {
                *after = event["seq"].as_i64().unwrap_or(*after);
                if let Some(request) = board.news(&event) {
                    travelling.remove(&request);
                }
            }
        }
    }
    board.finish();
    if travelling.is_empty() {
        println!("\nall of them ended their journey {:.1} s later", begin.elapsed().as_secs_f64());
    } else {
        println!("\n✗ {} are still on the way after {PATIENCE:?}: {:?}", travelling.len(), travelling);
    }
    Ok(sent.into_iter().map(|(_, expected)| expected).collect())
}
