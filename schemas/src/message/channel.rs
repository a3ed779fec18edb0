//! By which channel a demand reached its registry, and what a clerk enters for a demand that came on paper.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{document::Digest, submission::Submission};

/// Channel of a receipt, highest first: 总对总 is to be preferred (法〔2024〕32号 一). The order of creditors does not look at
/// it (二(三)2: 不论法院层级、送达方式).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// 总对总: court, ministry, province, registry.
    Net,
    /// 点对点: one court to one registry, reported afterwards by the registry's own system.
    P2p,
    /// 线下窗口: on paper.
    Window,
}

impl Channel {
    /// Every channel, highest first.
    pub const ALL: [Self; 3] = [Self::Net, Self::P2p, Self::Window];

    /// The word in JSON, SQL and in the text that the ledger hashes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Net => "net",
            Self::P2p => "p2p",
            Self::Window => "window",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A demand handed in on paper at a registry's window (线下窗口): body of `POST /v1/window/entries`.
///
/// The demand is that of the online channel, checked by the same list (统一流程、统一要件、统一标准: 法〔2024〕32号 一); its
/// `demand_id` is the clerk's own number of the entry, its attachments are the scans, uploaded before by the same clerk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WindowEntry")]
pub struct WindowEntry<Demand = Submission> {
    /// 送达时点: the instant at which the clerk received the papers (窗口工作人员收到协执需求的时点, 法〔2024〕32号 二(三)2),
    /// with its offset. Never in the future.
    pub handed_over_at: Timestamp,
    /// The demand as the papers state it.
    pub demand: Demand,
    /// Why it came by the lowest channel although the property lies in a pilot region, e.g. an outage.
    #[schemars(length(min = 2, max = 500))]
    pub channel_reason: String,
    /// Required when the entry is made later than the published grace after the hand-over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<LateEntry>,
}

/// What a late entry (补录) brings with it, beside a second person's confirmation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LateEntry {
    /// Why it was not entered at once.
    #[schemars(length(min = 5, max = 500))]
    pub reason: String,
    /// Digest of an uploaded document that proves the instant of the hand-over, such as the signed slip (签收单).
    pub evidence: Digest,
}
