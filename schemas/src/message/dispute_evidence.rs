//! The evidence of a dispute about the order, as it is frozen when the dispute is opened (法〔2024〕32号 二(三)3): what a court above
//! the parties needs to see who was received when, and by which proof. Names of debtors and holders are not in it.
//!
//! Its bytes are kept as they were and named by their SHA-256 in the audit; absent values are written as null.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{channel::Channel, document::Digest, submission::Kind};
use crate::{
    address::RegistryCode,
    identifier::{CourtCode, UnitCode},
};

/// Frozen evidence, with its schema's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "schema")]
pub enum DisputeEvidenceMessage {
    /// First version.
    #[serde(rename = "xiezhi.dispute-evidence.v1")]
    V1(Box<DisputeEvidence>),
}

impl DisputeEvidenceMessage {
    /// The evidence in the newest form this build knows.
    pub fn into_evidence(self) -> DisputeEvidence {
        let Self::V1(evidence) = self;
        *evidence
    }
}

/// Everything that is known about the demands of one property unit at one registry, read by one statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DisputeEvidence")]
pub struct DisputeEvidence {
    /// When it was read.
    pub taken_at: Timestamp,
    /// 不动产单元代码.
    pub unit_code: UnitCode,
    /// The registry.
    pub registry: RegistryCode,
    /// Where the registry's chain of receipts stood; null while it has none.
    pub ledger_head: Option<EvidenceHead>,
    /// The demands that have a rank, and those named by whoever opened the dispute; in the order of acceptance.
    pub requests: Vec<EvidenceRequest>,
}

/// The head of a registry's chain of receipts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceHead {
    /// Receipts in the chain.
    pub size: i64,
    /// Hash of the last one.
    pub hash: Digest,
    /// When the last one was recorded.
    pub last_recorded_at: Option<Timestamp>,
    /// Receipts under the newest signature.
    pub signed_size: Option<i64>,
    /// The hash that was signed.
    pub signed_hash: Option<Digest>,
    /// When it was signed.
    pub signed_at: Option<Timestamp>,
    /// The signature, hexadecimal digits.
    pub signature: Option<String>,
}

/// One demand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceRequest {
    /// Its id.
    pub request_id: Uuid,
    /// Who sent it, or at whose desk it was entered.
    pub sender: String,
    /// The sender's own number.
    pub demand_id: String,
    /// Which unit of the demand, from 1.
    pub unit_index: u16,
    /// What is demanded.
    pub kind: Kind,
    /// 法院代字 of the executing court.
    pub court_code: CourtCode,
    /// 执行案号.
    pub case_number: String,
    /// 裁判文书案号.
    pub judgment_number: String,
    /// 原查封案号.
    pub original_case_number: Option<String>,
    /// Number in its lane.
    pub lane_seq: i64,
    /// When the hub accepted it; of no weight in the order.
    pub accepted_at: Timestamp,
    /// State: `delivered`, `registered`, …
    pub state: String,
    /// The attempt, from 1.
    pub attempt: i32,
    /// Its message.
    pub message_id: Uuid,
    /// SHA-256 of the message's body.
    pub body_sha256: Digest,
    /// The request that it corrects.
    pub prior_request_id: Option<Uuid>,
    /// 送达; null without one.
    pub receipt: Option<EvidenceReceipt>,
    /// Its states, from the first to the last.
    pub states: Vec<EvidenceState>,
    /// Its sendings; null when it never went over the network.
    pub sent: Option<Vec<EvidenceSending>>,
    /// What the registry said; null while it said nothing.
    pub outcomes: Option<Vec<EvidenceOutcome>>,
    /// What was noticed about it; null for nothing.
    pub events: Option<Vec<EvidenceEvent>>,
}

/// A line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceReceipt {
    /// Number at the registry, from 1 without gaps.
    pub no: i64,
    /// How it came.
    pub channel: Channel,
    /// 送达时点: the key of the order.
    pub delivered_at: Timestamp,
    /// When the line was written.
    pub recorded_at: Timestamp,
    /// Bound of the clock's error, in microseconds.
    pub clock_err_us: i64,
    /// The attempt that was received.
    pub attempt: i32,
    /// The connector or clerk that told.
    pub connector: String,
    /// When the connector began to hand it over; null on other channels than the network.
    pub push_started_at: Option<Timestamp>,
    /// When the local system had answered; null on other channels than the network.
    pub push_answered_at: Option<Timestamp>,
    /// Number in the local system.
    pub local_reference: Option<String>,
    /// Instant in the local system.
    pub local_received_at: Option<Timestamp>,
    /// The record that proves the instant, on other channels than the network.
    pub evidence_id: Option<Uuid>,
    /// The message that was received.
    pub message_id: Uuid,
    /// SHA-256 of its body.
    pub body_sha256: Digest,
    /// Hash of the line before.
    pub prev_hash: Digest,
    /// Hash of this line.
    pub hash: Digest,
}

/// A step of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceState {
    /// Number of the step, from 1.
    pub n: i32,
    /// The state that it led to.
    pub state: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// By what.
    pub cause: String,
}

/// A sending over the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceSending {
    /// What was sent.
    pub kind: String,
    /// Which attempt.
    pub attempt: i32,
    /// When it was ready.
    pub created_at: Timestamp,
    /// When the broker had it.
    pub confirmed_at: Option<Timestamp>,
}

/// A message of the registry about a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceOutcome {
    /// Its number, from 1.
    pub n: i32,
    /// `registered`, `returned` or `withdrawn`.
    pub outcome: String,
    /// What became of it: `effective`, `early` or `disputed`.
    pub disposition: String,
    /// When the hub had it.
    pub received_at: Timestamp,
    /// 登簿时间.
    pub registered_at: Option<Timestamp>,
    /// The message as it came.
    pub body: Value,
}

/// What was noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceEvent {
    /// Its number in the hub.
    pub n: i64,
    /// When.
    pub at: Timestamp,
    /// What: `order_changed`, `order_conflict`, …
    pub kind: String,
    /// Particulars.
    pub detail: Value,
}
