//! What the tests of the road ask about a world.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(dead_code, reason = "each test program uses a part")]

use std::time::Duration;

use harness::world::{Court, World};
use uuid::Uuid;

/// Longest wait for something that must happen; generous, as tests share few cores.
pub const SOON: Duration = Duration::from_secs(45);

/// Words of the court's events about a request, in order.
pub async fn told(court: &Court, request: Uuid) -> Vec<String> {
    let events = court.events_of(request).await.unwrap();
    events.iter().map(|event| event["body"]["event"].as_str().unwrap().to_owned()).collect()
}

/// States of a request by the append-only log.
pub async fn states(world: &World, request: Uuid) -> Vec<String> {
    let client = world.sql().await.unwrap();
    let sql = "SELECT state FROM inv_state WHERE request_id = $1 ORDER BY n";
    client.query(sql, &[&request]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

pub async fn count(world: &World, sql: &str) -> i64 {
    world.sql().await.unwrap().query_one(sql, &[]).await.unwrap().get(0)
}

/// The court's stream has no gap: a reader knows that it missed nothing.
pub async fn assert_gapless(court: &Court) {
    let all = court.all_feedback().await.unwrap();
    let seqs: Vec<_> = all.iter().map(|event| event["seq"].as_i64().unwrap()).collect();
    assert_eq!(seqs, (1..=i64::try_from(seqs.len()).unwrap()).collect::<Vec<_>>());
}
