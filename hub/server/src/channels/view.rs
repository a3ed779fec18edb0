//! An entry as clerks and operators see it, with the receipts that came of it.

use deadpool_postgres::Client;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;
use xiezhi_schemas::address::RegistryCode;

use crate::{
    http::problem::Item,
    store::{
        StoreError,
        received::{self, Received},
        window::Entry,
    },
};

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It waits for a second person; nothing is received yet.
    Pending,
    /// The receipts are in the ledger.
    Recorded,
    /// The second person refused it; it never becomes a receipt.
    Refused,
}

impl Status {
    /// The word in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Recorded => "recorded",
            Self::Refused => "refused",
        }
    }
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entered {
    /// Its id; the evidence of its receipts names it.
    pub entry_id: Uuid,
    /// The clerk's own number.
    pub demand_id: String,
    /// The registry.
    pub registry: RegistryCode,
    /// Where it stands.
    pub status: Status,
    /// 送达时点: the hand-over.
    pub handed_over_at: Timestamp,
    /// When it was entered.
    pub entered_at: Timestamp,
    /// Who entered it.
    pub clerk: String,
    /// Whether the entry was later than the published grace (补录).
    pub late: bool,
    /// Why it was late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_reason: Option<String>,
    /// Digest of the document that proves the hand-over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_evidence: Option<String>,
    /// Why a second person is needed: `late`, or `passes_others`; absent when nobody is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_because: Option<String>,
    /// Who completed or refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The bound that was applied, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound_secs: Option<i64>,
    /// The announced outage that extended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage_id: Option<Uuid>,
    /// One request for each unit, once it is recorded.
    pub requests: Vec<ReceivedView>,
    /// What somebody should look at; nothing was held back for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Item>,
}

/// A request with its receipt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReceivedView {
    /// Its id; results and returns are reported under it.
    pub request_id: Uuid,
    /// Which unit, from 1.
    pub unit_index: i16,
    /// Code of the unit.
    pub unit_code: String,
    /// State now.
    pub state: String,
    /// Number at the registry.
    pub no: i64,
    /// 送达.
    pub delivered_at: Timestamp,
    /// When the line was written.
    pub recorded_at: Timestamp,
    /// Hash of the line.
    pub hash: String,
    /// What it passed: `request_id`, `state` then, rank `from` and `to`.
    pub moved: Vec<Value>,
}

impl From<Received> for ReceivedView {
    fn from(received: Received) -> Self {
        Self {
            request_id: received.request_id,
            unit_index: received.unit_index,
            unit_code: received.unit_key,
            state: received.state,
            no: received.no,
            delivered_at: received.delivered_at,
            recorded_at: received.recorded_at,
            hash: received.hash,
            moved: received.moved,
        }
    }
}

/// The entry with its receipts.
pub(super) async fn entered(client: &Client, entry: Entry) -> Result<Entered, StoreError> {
    let status = match entry.decided.as_ref().map(|decided| decided.decision.as_str()) {
        None => Status::Pending,
        Some("recorded") => Status::Recorded,
        Some(_) => Status::Refused,
    };
    let requests = match status {
        Status::Recorded => received::of_demand(client, &entry.clerk, &entry.demand_id).await?,
        Status::Pending | Status::Refused => Vec::new(),
    };
    let decided = entry.decided;
    Ok(Entered {
        entry_id: entry.entry_id,
        demand_id: entry.demand_id,
        registry: entry.registry,
        status,
        handed_over_at: entry.handed_over_at,
        entered_at: entry.entered_at,
        clerk: entry.clerk,
        late: entry.late,
        late_reason: entry.late_reason,
        late_evidence: entry.late_evidence,
        second_because: entry.second_because,
        bound_secs: decided.as_ref().map(|d| d.bound_secs),
        outage_id: decided.as_ref().and_then(|d| d.outage_id),
        decided_at: decided.as_ref().map(|d| d.at),
        reason: decided.as_ref().and_then(|d| d.reason.clone()),
        decided_by: decided.map(|d| d.by),
        requests: requests.into_iter().map(ReceivedView::from).collect(),
        warnings: Vec::new(),
    })
}
