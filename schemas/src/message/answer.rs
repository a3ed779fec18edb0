//! What the hub answers to a connector.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{document::Digest, local_receipt::LocalReceiptAnswer};

/// Any answer of the hub, with its schema's name. The reply to a message that could not even be read is `Unread`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "schema")]
pub enum Answers {
    /// Answers to a [`super::Receipts`], in its order.
    #[serde(rename = "xiezhi.receipt-answers.v1")]
    Receipts {
        /// One for each receipt.
        answers: Vec<ReceiptAnswer>,
    },
    /// Answer to a result or return.
    #[serde(rename = "xiezhi.outcome-answer.v1")]
    Outcome(OutcomeAnswer),
    /// Answer to a report of a local receipt.
    #[serde(rename = "xiezhi.local-receipt-answer.v1")]
    LocalReceipt(LocalReceiptAnswer),
    /// The message was parked; a person will look at it. Sending it again will not help.
    #[serde(rename = "xiezhi.unread.v1")]
    Unread {
        /// Stable code.
        code: String,
        /// What is wrong.
        message: String,
    },
}

/// Answer to one receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptAnswer {
    /// The request it belongs to.
    pub request_id: Uuid,
    /// What the ledger did.
    pub verdict: Verdict,
}

/// What the ledger did with a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Verdict {
    /// Recorded now. The connector acks the delivery.
    Recorded(Stamp),
    /// Recorded before; the stamp is the first one. The connector acks the delivery.
    Repeated(Stamp),
    /// No receipt exists and none will ever be written for this delivery: the request is closed, returned, undelivered or
    /// unknown.
    /// The connector acks the delivery and tells the local system that what it took is void.
    Void {
        /// Stable code.
        code: String,
        /// Why.
        message: String,
    },
    /// The receipt does not fit the demand (other bytes, other registry). The connector dead-letters the delivery, so that
    /// a person looks at it.
    Park {
        /// Stable code.
        code: String,
        /// Why.
        message: String,
    },
    /// Not now: the ledger may not stamp (clock, database). The connector keeps the delivery and asks again.
    Later {
        /// Stable code.
        code: String,
        /// Why.
        message: String,
        /// When to ask again, in milliseconds.
        retry_after_ms: u64,
    },
}

/// One line of the ledger (送达时点 and its place).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stamp {
    /// Number at the registry, from 1, without gaps.
    pub no: i64,
    /// The instant of 送达, microseconds.
    pub delivered_at: Timestamp,
    /// Hash of this line (SM3); with `no` it is the head of the registry's chain at that time, which the connector keeps.
    pub hash: Digest,
}

/// Answer to a result or return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomeAnswer {
    /// The request.
    pub request_id: Uuid,
    /// What the hub did.
    pub verdict: OutcomeVerdict,
}

/// What the hub did with a result or return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum OutcomeVerdict {
    /// It took effect.
    Effective,
    /// The same was known; nothing changed.
    Repeated,
    /// It came before the receipt: kept, and takes effect when the receipt is recorded. The connector offers it again
    /// until the answer is another one, because without a receipt it may yet turn out to be void.
    Early,
    /// It contradicts what already took effect: kept and shown to people; nothing changed.
    Disputed,
    /// The request is closed and never got a receipt: the hub keeps the outcome for people, and the connector tells the
    /// local system that what it decided does not count.
    Void {
        /// Stable code.
        code: String,
        /// Why.
        message: String,
    },
    /// It cannot belong to this request.
    Refused {
        /// Stable code.
        code: String,
        /// Why.
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
