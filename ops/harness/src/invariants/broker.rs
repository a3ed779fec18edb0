//! What lies in the broker's queues when a run has settled: nothing, but for undelivered messages in the dead-letter
//! queues that hold them.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result};
use lapin::options::BasicGetOptions;
use lapin::types::ShortString;
use lapin::{Connection, ConnectionProperties};
use serde::Serialize;
use tokio_postgres::Client;

use super::evidence::Evidence;
use super::report::Finding;
use crate::management::Management;

/// How many messages a queue has.
#[derive(Debug, Clone, Serialize)]
pub struct Depth {
    /// Name.
    pub queue: String,
    /// Waiting.
    pub ready: u64,
    /// Delivered and not acknowledged.
    pub unacknowledged: u64,
}

/// One message in a dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Held {
    /// The queue.
    pub queue: String,
    /// Id of the message.
    pub message_id: String,
}

/// The broker at one moment.
#[derive(Debug, Clone, Default, Serialize)]
pub struct BrokerView {
    /// Every queue.
    pub depths: Vec<Depth>,
    /// Every message in the queues that hold undelivered ones.
    pub held: Vec<Held>,
}

/// Whether a queue is one that holds undelivered messages until an operator decides.
fn holds(queue: &str) -> bool {
    queue.starts_with("undelivered.")
}

/// Looks into every queue. Messages in dead-letter queues are read and put back. The broker's counts lag some seconds
/// behind, so this looks again for up to `within` until nothing is left outside those queues.
///
/// # Errors
/// When the broker does not answer.
pub async fn look(
    management: &Management,
    vhost: &str,
    amqp_url: &str,
    within: Duration,
) -> Result<BrokerView> {
    let begin = std::time::Instant::now();
    loop {
        let depths = depths(management, vhost).await?;
        let empty = depths.iter().filter(|d| !holds(&d.queue)).all(|d| d.ready + d.unacknowledged == 0);
        if empty || begin.elapsed() > within {
            let queues: Vec<&str> = depths.iter().map(|d| d.queue.as_str()).filter(|q| holds(q)).collect();
            let held = held(amqp_url, &queues).await?;
            return Ok(BrokerView { depths, held });
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn depths(management: &Management, vhost: &str) -> Result<Vec<Depth>> {
    let queues = management.get(&["queues", vhost]).await?;
    let queues = queues.as_array().context("the list of queues is none")?;
    let number = |queue: &serde_json::Value, key: &str| queue[key].as_u64().unwrap_or(0);
    Ok(queues
        .iter()
        .map(|queue| Depth {
            queue: queue["name"].as_str().unwrap_or_default().to_owned(),
            ready: number(queue, "messages_ready"),
            unacknowledged: number(queue, "messages_unacknowledged"),
        })
        .collect())
}

async fn held(amqp_url: &str, queues: &[&str]) -> Result<Vec<Held>> {
    let connection = Connection::connect(amqp_url, ConnectionProperties::default()).await?;
    let mut held = Vec::new();
    for queue in queues {
        // Closing the channel puts everything back that was got on it.
        let channel = connection.create_channel().await?;
        while let Some(got) =
            channel.basic_get(ShortString::from(*queue), BasicGetOptions { no_ack: false }).await?
        {
            let id = got.delivery.properties.message_id().as_ref().map(ToString::to_string);
            held.push(Held { queue: (*queue).to_owned(), message_id: id.unwrap_or_default() });
        }
        channel.close(200, "looked".into()).await?;
    }
    connection.close(200, "looked".into()).await?;
    Ok(held)
}

pub(super) async fn finding(client: &Client, evidence: &Evidence) -> Result<Finding> {
    let (id, statement, by) = (
        "V03",
        "after settling all queues are empty but those that hold the undelivered, and these hold exactly those",
        "ops/harness/src/invariants/broker.rs",
    );
    let Some(broker) = &evidence.broker else {
        return Ok(Finding::not_checked(id, statement, by, "the broker's queues"));
    };
    let mut wrong = Vec::new();
    for depth in broker.depths.iter().filter(|d| !holds(&d.queue) && d.ready + d.unacknowledged > 0) {
        wrong
            .push(format!("{}: {} ready, {} unacknowledged", depth.queue, depth.ready, depth.unacknowledged));
    }
    let rows = client
        .query("SELECT DISTINCT queue, message_id::text FROM inv_dead WHERE status = 'open'", &[])
        .await?;
    let open: BTreeSet<Held> =
        rows.iter().map(|row| Held { queue: row.get(0), message_id: row.get(1) }).collect();
    let held: BTreeSet<Held> = broker.held.iter().cloned().collect();
    wrong.extend(
        open.difference(&held).map(|m| format!("undelivered and not held: {} in {}", m.message_id, m.queue)),
    );
    wrong.extend(
        held.difference(&open).map(|m| format!("held and not open: {} in {}", m.message_id, m.queue)),
    );
    Ok(Finding::of(id, statement, by, wrong))
}
