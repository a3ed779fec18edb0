//! The order of creditors, computed here from the receipts alone, against what the API shows.

use std::collections::BTreeMap;

use anyhow::Result;
use jiff::Timestamp;
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
    let rows = client
        .query(
            "SELECT r.unit_key, r.request_id::text, c.delivered_at, c.no, r.state \
             FROM inv_request r JOIN inv_receipt c USING (request_id, registry) \
             ORDER BY r.unit_key, c.delivered_at, c.no",
            &[],
        )
        .await?;
    let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows {
        if ranks(row.get(4)) {
            wanted.entry(row.get(0)).or_default().push(row.get(1));
        }
    }
    let mut by_unit: BTreeMap<&str, Vec<&Shown>> = BTreeMap::new();
    for one in shown {
        by_unit.entry(&one.unit).or_default().push(one);
    }
    let mut wrong = Vec::new();
    for (unit, mut list) in by_unit {
        list.retain(|one| ranks(&one.state));
        list.sort_by_key(|one| (one.delivered_at, one.no));
        let order: Vec<String> = list.iter().map(|one| one.request_id.clone()).collect();
        let want = wanted.remove(unit).unwrap_or_default();
        if order != want {
            wrong.push(format!("unit {unit}: the API shows {order:?}, the receipts say {want:?}"));
        }
    }
    Ok(Finding::of(id, statement, by, wrong))
}
