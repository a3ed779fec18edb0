//! What travels to one registry: one demand for one property unit.

use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    document::Attachment,
    submission::{Contact, Court, Debtor, Kind, OfficerCard, Period, Submission, Unit},
};
use crate::{
    address::RegistryCode,
    identifier::{CaseNumber, DocumentNumber, OriginalCaseNumber},
};

/// A demand message with its schema's name. The bytes are made once, at acceptance; every attempt carries the same bytes, and
/// their SHA-256 is what the receipt confirms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "schema")]
pub enum DemandMessage {
    /// First version.
    #[serde(rename = "xiezhi.demand.v1")]
    V1(Box<Demand>),
}

impl DemandMessage {
    /// The demand in the newest form this build knows.
    pub fn into_demand(self) -> Demand {
        let Self::V1(demand) = self;
        *demand
    }
}

/// One demand for one unit, addressed to one registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Demand {
    /// The request's id in the hub; one request is one unit of one demand.
    pub request_id: Uuid,
    /// Id of the message; stays the same in replays, so that a receipt can never be given twice.
    pub message_id: Uuid,
    /// The sender's name in the hub.
    pub sender: String,
    /// The court's own number of the whole demand.
    pub demand_id: String,
    /// Which unit of the demand this is, from 1.
    pub unit_index: u16,
    /// How many units the demand names.
    pub unit_count: u16,
    /// The registry that must receive it.
    pub registry: RegistryCode,
    /// Place within the lane (property unit at this registry), from 1, in order of acceptance.
    pub lane_seq: i64,
    /// When the hub accepted it; not a receipt (送达) and of no weight in the order.
    pub accepted_at: Timestamp,
    /// What is demanded.
    pub kind: Kind,
    /// The executing court.
    pub court: Court,
    /// 执行案号.
    pub case_number: CaseNumber,
    /// 裁判文书案号.
    pub judgment_number: DocumentNumber,
    /// Organ that issued the ruling.
    pub issuing_organ: String,
    /// 原查封案号.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_case_number: Option<OriginalCaseNumber>,
    /// Date of the seizure that is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_seizure_date: Option<Date>,
    /// 案由 and parties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// 被执行人.
    pub debtor: Debtor,
    /// The unit.
    pub unit: Unit,
    /// Period; absent for lifting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// 联系人.
    pub contact: Contact,
    /// Cards of the officers.
    pub officers: Vec<OfficerCard>,
    /// Documents by claim.
    pub attachments: Vec<Attachment>,
    /// The request that this one corrects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior_request_id: Option<Uuid>,
    /// 备注.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remarks: Option<String>,
}

/// What the hub adds to one unit of a submission.
#[derive(Debug, Clone)]
pub struct Placement {
    /// New id of the request.
    pub request_id: Uuid,
    /// New id of its message.
    pub message_id: Uuid,
    /// Who sent it.
    pub sender: String,
    /// Where it goes.
    pub registry: RegistryCode,
    /// Its place in the lane.
    pub lane_seq: i64,
    /// When it was accepted.
    pub accepted_at: Timestamp,
}

impl Submission {
    /// The demand for the unit at `index` (from 0), placed by the hub.
    ///
    /// # Panics
    /// When `index` is not the index of a unit.
    pub fn demand_for(&self, index: usize, placement: Placement) -> Demand {
        let narrow = |n: usize| u16::try_from(n).expect("the schema allows 300 units");
        Demand {
            request_id: placement.request_id,
            message_id: placement.message_id,
            sender: placement.sender,
            demand_id: self.demand_id.clone(),
            unit_index: narrow(index + 1),
            unit_count: narrow(self.units.len()),
            registry: placement.registry,
            lane_seq: placement.lane_seq,
            accepted_at: placement.accepted_at,
            kind: self.kind,
            court: self.court.clone(),
            case_number: self.case_number.clone(),
            judgment_number: self.judgment_number.clone(),
            issuing_organ: self.issuing_organ.clone(),
            original_case_number: self.original_case_number.clone(),
            original_seizure_date: self.original_seizure_date,
            cause: self.cause.clone(),
            debtor: self.debtor.clone(),
            unit: self.units[index].clone(),
            period: self.period,
            contact: self.contact.clone(),
            officers: self.officers.clone(),
            attachments: self.attachments.clone(),
            prior_request_id: self.prior_request_id,
            remarks: self.remarks.clone(),
        }
    }
}
