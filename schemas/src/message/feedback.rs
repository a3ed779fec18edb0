//! What the court learns: one numbered stream of events for each sender.

use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    answer::Stamp,
    outcome::{ResultMessage, ReturnMessage},
    reminder::ReminderNotice,
    withdrawal::WithdrawalDeclined,
};
use crate::address::{RegistryCode, Tier};

/// One event in a sender's stream. `seq` counts from 1 without gaps for each sender, so a reader knows that it missed none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Feedback {
    /// Place in the stream; the cursor of `GET /v1/feedback?after=`.
    pub seq: i64,
    /// When the hub recorded it.
    pub at: Timestamp,
    /// The request.
    pub request_id: Uuid,
    /// The court's own number of the demand.
    pub demand_id: String,
    /// Which unit of the demand, from 1.
    pub unit_index: u16,
    /// The registry.
    pub registry: RegistryCode,
    /// What happened.
    pub body: FeedbackBody,
}

/// What happened to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum FeedbackBody {
    /// 送达: the registry received it.
    Delivered(Stamp),
    /// The registry registered it.
    Registered(ResultMessage),
    /// The registry returned it.
    Returned(ReturnMessage),
    /// 未送达.
    Undelivered(UndeliveredNotice),
    /// An operator sent it again.
    Replayed {
        /// Number of the new attempt.
        attempt: u32,
    },
    /// An operator gave it up; the court must send anew.
    Closed {
        /// Why.
        reason: String,
    },
    /// Something about it is due, at the court or at the registry (智能提醒).
    Reminder(ReminderNotice),
    /// A later result contradicts the one that took effect; people decide.
    Disputed {
        /// What differs.
        detail: String,
    },
    /// The registry's system holds the court's request for withdrawal; the registry will decide.
    WithdrawalHandedOver {
        /// The withdrawal.
        withdrawal_id: Uuid,
    },
    /// The registry's system has no place for such requests: the court sends its letter by another way.
    WithdrawalNotTaken {
        /// The withdrawal.
        withdrawal_id: Uuid,
        /// What to do.
        advice: String,
    },
    /// The registry does not agree to the withdrawal; the demand goes on.
    WithdrawalDeclined(WithdrawalDeclined),
    /// The request was decided in another way before the registry agreed; the withdrawal has no effect.
    WithdrawalOvertaken {
        /// The withdrawal.
        withdrawal_id: Uuid,
        /// What the request became: `registered`, `returned` or `closed`.
        state: String,
        /// What to do.
        advice: String,
    },
    /// The order (查封顺位) of the demands on the unit is disputed; it stays as it is until the superior court has decided.
    DisputeOpened(DisputeNotice),
    /// The common superior court decided the order (查封顺位) of the demands on the unit.
    OrderDecided {
        /// The dispute that it settles.
        dispute_id: Uuid,
        /// Who decided: 法院代字.
        decided_by: String,
        /// Number of its document.
        document_number: String,
        /// Place of this request before, from 1.
        place_before: u32,
        /// Place of this request now, from 1.
        place_now: u32,
    },
    /// 轮候查封转为正式查封.
    Converted(ConversionNotice),
    /// The registry says itself that the seizure became formal; compared with what the law makes of it.
    ConversionReported(ConversionCompared),
    /// 失效: the period of the seizure ended unrenewed.
    Lapsed(LapseNotice),
    /// A conversion or lapse that was told before did not happen so: the registry reported late what it had registered in time.
    RegisterCorrected {
        /// What did not happen.
        revoked: RegisterChange,
        /// The instant from which it had been told.
        at: Timestamp,
    },
}

/// Notice to a court whose demand is party to a dispute about the order
/// (法〔2024〕32号 二(三)3: 不同人民法院之间对查封顺位有异议的，应当报共同上级人民法院协调处理).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DisputeNotice {
    /// The dispute.
    pub dispute_id: Uuid,
    /// Why it was opened.
    pub cause: DisputeCause,
    /// 法院代字 of the court that settles it; absent when the court table names none, then 最高人民法院 is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superior: Option<String>,
    /// Place of this request by receipt, from 1; absent without a rank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<u32>,
}

/// Why a dispute was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisputeCause {
    /// A court or an operator asked for it.
    Person,
    /// A receipt that was entered late stands before what is registered already (法〔2024〕32号 二(三)2); nothing is reordered.
    LateReceipt,
}

impl DisputeCause {
    /// All causes.
    pub const ALL: [Self; 2] = [Self::Person, Self::LateReceipt];

    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::LateReceipt => "late_receipt",
        }
    }
}

/// A change that time or a lifting brings about in the register by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegisterChange {
    /// 轮候查封转为正式查封.
    Conversion,
    /// 失效.
    Lapse,
}

/// Notice to the court that its waiting seizure became formal (法〔2024〕32号 二(三)3: 剩余期限自动转为正式查封期限，不再重新计算).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConversionNotice {
    /// From when it is formal: the lifting of the one before it, or 24:00 of that one's last day in China.
    pub formal_since: Timestamp,
    /// First day of its period.
    pub period_from: Date,
    /// Last day of its period; the same as before, except under an older rule by which the period begins now.
    pub period_to: Date,
}

/// Notice to the court of what its registry says about the conversion, beside what the hub holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConversionCompared {
    /// From when it is formal, as the registry says.
    pub formal_since: Timestamp,
    /// Last day of its period, as the registry says.
    pub period_to: Date,
    /// Last day that the seizure keeps by 法〔2024〕32号 二(三)3. When it is another one, the registry must put its register right;
    /// absent when the hub knows no such seizure in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_kept: Option<Date>,
}

/// Notice to the court that its seizure, formal or waiting, lapsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LapseNotice {
    /// 24:00 of the last day in China.
    pub lapsed_at: Timestamp,
    /// The last day.
    pub last_day: Date,
}

/// Why a demand was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UndeliveredCause {
    /// The delivery window passed before the registry took it.
    Expired,
    /// No road led on from the tier.
    Unroutable,
    /// The connector parked it: the local system cannot take this one demand.
    Parked,
    /// It came back too often.
    DeliveryLimit,
    /// The queue was full.
    QueueFull,
}

impl UndeliveredCause {
    /// The stable code shown to courts and operators.
    pub fn code(self) -> &'static str {
        match self {
            Self::Expired => "HUB-4001",
            Self::Unroutable => "HUB-4002",
            Self::Parked => "HUB-4003",
            Self::DeliveryLimit => "HUB-4004",
            Self::QueueFull => "HUB-4005",
        }
    }
}

/// Notice to the court that a demand counts as 未送达 (法〔2024〕32号 二(三)2: 因系统、网络等技术因素未收到的，认定为协执未送达).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UndeliveredNotice {
    /// Why.
    pub cause: UndeliveredCause,
    /// Stable code of the cause; has a page in `ops/errors/`.
    pub code: String,
    /// Where the road ended.
    pub tier: Tier,
    /// The attempt that failed, from 1.
    pub attempt: u32,
}
