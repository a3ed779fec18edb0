//! Receipt (送达): the connector says that the registry durably holds a demand and asks the ledger for the stamp.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::document::Digest;
use crate::address::RegistryCode;

/// A request for stamps, with its schema's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "schema")]
pub enum ReceiptsMessage {
    /// First version.
    #[serde(rename = "xiezhi.receipts.v1")]
    V1(Receipts),
}

impl ReceiptsMessage {
    /// The receipts in the newest form this build knows.
    pub fn into_receipts(self) -> Receipts {
        let Self::V1(receipts) = self;
        receipts
    }
}

/// Receipts that were ready together; one message and one answer for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Receipts {
    /// Name of the connector instance, for operators.
    pub connector: String,
    /// The receipts, all of one province.
    #[schemars(length(min = 1, max = 256))]
    pub items: Vec<Receipt>,
}

/// That the registry durably holds one demand (属地不动产登记系统接收到需求: 法〔2024〕32号 二(三)2).
///
/// None of the times here is the time of 送达: the ledger alone stamps that. They are kept beside the stamp as evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The request.
    pub request_id: Uuid,
    /// The message that was delivered.
    pub message_id: Uuid,
    /// The registry that holds it.
    pub registry: RegistryCode,
    /// Digest of the body as the connector received it; the ledger refuses a receipt for other bytes.
    pub body_sha256: Digest,
    /// The attempt, from the header of the delivery.
    pub attempt: u32,
    /// When the push to the local system began, connector's clock.
    pub push_started_at: Timestamp,
    /// When the local system answered, connector's clock.
    pub push_answered_at: Timestamp,
    /// Number under which the local system keeps the demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub local_reference: Option<String>,
    /// When the local system says it received the demand: a claim, kept as evidence only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_received_at: Option<Timestamp>,
    /// The mapping that made the local message of the push which was answered; absent when the demand went as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<MappingVersion>,
}

/// Which mapping file turned a demand into the message of a local system, so that it can be told later what the registry was
/// shown. Kept as evidence; nothing is decided by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MappingVersion {
    /// Its name.
    #[schemars(length(min = 1, max = 60))]
    pub name: String,
    /// Its version, as its author counts.
    #[schemars(length(min = 1, max = 40))]
    pub version: String,
    /// SHA-256 of the file.
    pub sha256: Digest,
}

impl fmt::Display for MappingVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = self.sha256.as_str().get(..12).unwrap_or_default();
        write!(f, "{} {} ({digest}…)", self.name, self.version)
    }
}
