//! What a registry's own point-to-point system (点对点) received by itself, reported afterwards: 地方“点对点”系统的送达规则，应与
//! 本通知保持一致 (法〔2024〕32号 二(三)2), so such a demand takes its place in the same ledger.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{answer::Stamp, submission::Submission};
use crate::{address::RegistryCode, identifier::UnitCode};

/// A report of one local receipt, with its schema's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "schema")]
#[schemars(rename = "LocalReceiptMessage")]
pub enum LocalReceiptMessage<Demand = Submission> {
    /// First version.
    #[serde(rename = "xiezhi.local-receipt.v1")]
    V1(Box<LocalReceipt<Demand>>),
}

impl<Demand> LocalReceiptMessage<Demand> {
    /// The report in the newest form this build knows.
    pub fn into_receipt(self) -> LocalReceipt<Demand> {
        let Self::V1(receipt) = self;
        *receipt
    }
}

/// That the local system received a demand over its own link. Idempotent by registry and local number: the same again is
/// answered with the same stamps, another one under the same number changes nothing and is kept for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LocalReceipt")]
pub struct LocalReceipt<Demand = Submission> {
    /// Name of the connector instance, for operators.
    pub connector: String,
    /// The registry that received it.
    pub registry: RegistryCode,
    /// The local system's record of the receipt.
    pub local: LocalRecord,
    /// The demand in the same form as that of the network. Its documents stay with the registry: the attachments name them.
    pub demand: Demand,
}

/// The local system's record of a receipt: the evidence for its instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalRecord {
    /// Number of the receipt in the local system, unique at the registry.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$"))]
    pub number: String,
    /// 送达时点 by the local system's clock. Never in the future.
    pub received_at: Timestamp,
    /// Name of the local system.
    #[schemars(length(min = 1, max = 100))]
    pub system: String,
    /// The person who took it there, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub operator: Option<String>,
}

/// Answer to one report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalReceiptAnswer {
    /// The registry.
    pub registry: RegistryCode,
    /// The local number.
    pub number: String,
    /// What the hub did.
    pub verdict: LocalReceiptVerdict,
}

/// What the hub did with a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum LocalReceiptVerdict {
    /// Recorded now.
    Recorded {
        /// One request for each unit; results and returns are reported under these ids.
        requests: Vec<LocalRequest>,
    },
    /// Recorded before; the stamps are the first ones.
    Repeated {
        /// As for `recorded`.
        requests: Vec<LocalRequest>,
    },
    /// Another report stands under this number: kept for people, nothing changed.
    Disputed,
    /// It cannot be recorded as it is; kept for people. A corrected report may follow under the same number.
    Refused {
        /// Stable code.
        code: String,
        /// Why; no personal data.
        message: String,
    },
    /// Not now; send again.
    Later {
        /// Stable code.
        code: String,
        /// When, in milliseconds.
        retry_after_ms: u64,
    },
}

/// One request that came of a reported receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalRequest {
    /// Its id in the hub.
    pub request_id: Uuid,
    /// Which unit of the demand, from 1.
    pub unit_index: u16,
    /// Code of the unit.
    pub unit_code: UnitCode,
    /// Its line in the ledger.
    pub stamp: Stamp,
}
