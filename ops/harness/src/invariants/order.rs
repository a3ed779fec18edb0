//! The order of creditors, computed here from the receipts alone, against what the API shows.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::Client;

use super::evidence::Evidence;
use super::report::Finding;

/// The receipt of one request as the API shows it to a court or operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The property unit.
    pub unit: String,
    /// The request.
    pub request_id: String,
    /// Number of its receipt; none when it is shown without one.
    pub no: Option<i64>,
    /// 送达.
    pub delivered_at: Option<Timestamp>,
    /// State.
    pub state: String,
}

/// The queue of one unit as the API shows it, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The property unit.
    pub unit: String,
    /// Place (顺位), request and number of its receipt.
    pub lines: Vec<(Option<u64>, String, Option<i64>)>,
}

impl Queue {
    /// Reads the items of `GET /v1/units/{unit}/queue`, as an operator sees them.
    ///
    /// # Errors
    /// When a line names no request.
    pub fn read(unit: &str, items: &[Value]) -> Result<Self> {
        let line = |item: &Value| {
            let request = item["demand"]["request_id"].as_str().context("a line without its request")?;
            Ok((item["place"].as_u64(), request.to_owned(), item["receipt_no"].as_i64()))
        };
        Ok(Self { unit: unit.to_owned(), lines: items.iter().map(line).collect::<Result<_>>()? })
    }

    /// Those that have a place, which are numbered from 1 in the order in which they are shown.
    fn places(&self) -> Vec<(u64, &str, Option<i64>)> {
        self.lines
            .iter()
            .filter_map(|(place, request, no)| Some(((*place)?, request.as_str(), *no)))
            .collect()
    }
}

/// Whether a request in this state has a rank.
fn ranks(state: &str) -> bool {
    matches!(state, "delivered" | "registered")
}

pub(super) async fn finding(client: &Client, evidence: &Evidence) -> Result<Finding> {
    let (id, statement, by) = (
        "V19",
        "the order of a unit's demands that the API shows is that of their receipts",
        "ops/harness/src/invariants/order.rs",
    );
    let Some(shown) = &evidence.shown else {
        return Ok(Finding::not_checked(id, statement, by, "receipts as the API shows them"));
    };
    let mut wanted = ranked(client).await?;
    let mut by_unit: BTreeMap<&str, Vec<&Shown>> = BTreeMap::new();
    for one in shown {
        by_unit.entry(&one.unit).or_default().push(one);
    }
    let mut wrong = Vec::new();
    for (unit, mut list) in by_unit {
        list.retain(|one| ranks(&one.state));
        list.sort_by_key(|one| (one.delivered_at, one.no));
        let order: Vec<String> = list.iter().map(|one| one.request_id.clone()).collect();
        let want: Vec<String> =
            wanted.remove(unit).unwrap_or_default().into_iter().map(|(request, _)| request).collect();
        if order != want {
            wrong.push(format!("unit {unit}: the API shows {order:?}, the receipts say {want:?}"));
        }
    }
    Ok(Finding::of(id, statement, by, wrong))
}

/// The same of the queue that people read: 顺位 included.
pub(super) async fn queue_finding(client: &Client, evidence: &Evidence) -> Result<Finding> {
    let (id, statement, by) = (
        "V19",
        "the queue of a unit gives each demand the place that its receipt has among the receipts",
        "ops/harness/src/invariants/order.rs",
    );
    let Some(queues) = &evidence.queues else {
        return Ok(Finding::not_checked(id, statement, by, "queues as the API shows them"));
    };
    let wanted = ranked(client).await?;
    let mut wrong = Vec::new();
    for queue in queues {
        let want = wanted.get(&queue.unit).map(Vec::as_slice).unwrap_or_default();
        let want: Vec<_> =
            (1..).zip(want).map(|(place, (request, no))| (place, request.as_str(), Some(*no))).collect();
        let found = queue.places();
        if found != want {
            wrong.push(format!("unit {}: the queue shows {found:?}, the receipts say {want:?}", queue.unit));
        }
    }
    Ok(Finding::of(id, statement, by, wrong))
}

/// Requests with a rank and the numbers of their receipts, by unit, in the order of (delivered_at, no).
async fn ranked(client: &Client) -> Result<BTreeMap<String, Vec<(String, i64)>>> {
    let rows = client
        .query(
            "SELECT r.unit_key, r.request_id::text, c.no, r.state \
             FROM inv_request r JOIN inv_receipt c USING (request_id, registry) \
             ORDER BY r.unit_key, c.delivered_at, c.no",
            &[],
        )
        .await?;
    let mut ranked: BTreeMap<String, Vec<(String, i64)>> = BTreeMap::new();
    for row in rows {
        if ranks(row.get(3)) {
            ranked.entry(row.get(0)).or_default().push((row.get(1), row.get(2)));
        }
    }
    Ok(ranked)
}
