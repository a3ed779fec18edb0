//! What a court sends to the hub: one demand, for one or several property units.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::document::Attachment;
use crate::identifier::{CaseNumber, CourtCode, DocumentNumber, OriginalCaseNumber, UnitCode};

/// What is demanded (查封、续封、解封、轮候查封: 法〔2024〕32号 二(三)1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 查封. Becomes 轮候 at the registry when another seizure stands.
    Seizure,
    /// 续封 (继续查封).
    Renewal,
    /// 解封 (解除查封); carries no period.
    Lifting,
    /// 轮候查封, when the court already knows that it will wait.
    Waiting,
}

impl Kind {
    /// Every kind, in the order of the notice.
    pub const ALL: [Self; 4] = [Self::Seizure, Self::Renewal, Self::Lifting, Self::Waiting];

    /// The word in routing keys, JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seizure => "seizure",
            Self::Renewal => "renewal",
            Self::Lifting => "lifting",
            Self::Waiting => "waiting",
        }
    }

    /// The word on the forms.
    pub fn chinese(self) -> &'static str {
        match self {
            Self::Seizure => "查封",
            Self::Renewal => "续封",
            Self::Lifting => "解封",
            Self::Waiting => "轮候查封",
        }
    }
}

/// The court that sends, as it signs (执行法院).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Court {
    /// 法院代字, e.g. `京0105`.
    pub code: CourtCode,
    /// Full name.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
}

/// Kind of a debtor's document (ZJZL of the court control messages).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// 1 身份证.
    ResidentId,
    /// 2 港澳台身份证.
    HkMoTwId,
    /// 3 护照.
    Passport,
    /// 4 户口簿.
    HouseholdRegister,
    /// 5 军官证、士兵证.
    MilitaryId,
    /// 6 组织机构代码.
    OrganisationCode,
    /// 7 营业执照.
    BusinessLicence,
    /// 8 统一社会信用代码.
    Uscc,
    /// 99 其他.
    Other,
}

/// The person or organisation against which is enforced (被执行人).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Debtor {
    /// 姓名或名称.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// Which document identifies the debtor.
    pub document_kind: DocumentKind,
    /// 证件号码; checked strictly where the kind has a published rule.
    #[schemars(length(min = 1, max = 40))]
    pub document_number: String,
}

/// Hides name and number: debtors must not reach a log by way of `{:?}`.
impl std::fmt::Debug for Debtor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Debtor").field("document_kind", &self.document_kind).finish_non_exhaustive()
    }
}

/// One property unit with the four target fields that the notice asks for (权利人、坐落、不动产权证书号、不动产单元代码).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// 不动产单元代码.
    pub unit_code: UnitCode,
    /// 权利人.
    #[schemars(length(min = 1, max = 200))]
    pub right_holder: String,
    /// 坐落.
    #[schemars(length(min = 1, max = 300))]
    pub location: String,
    /// 不动产权证书号, 不动产登记证明号 or a number from before the unified registry; at least one.
    #[schemars(length(min = 1, max = 20), inner(length(min = 1, max = 80)))]
    pub certificates: Vec<String>,
}

impl std::fmt::Debug for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unit").field("unit_code", &self.unit_code).finish_non_exhaustive()
    }
}

/// Period of a seizure (查封期限): both days included, ends at 24:00 of `to` in Asia/Shanghai.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// 期限 in years, as printed on the notice.
    #[schemars(range(min = 1, max = 99))]
    pub years: u8,
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
}

/// Whom the registry may call (联系人、联系电话).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// 联系人.
    #[schemars(length(min = 1, max = 50))]
    pub name: String,
    /// 联系电话: digits, with `+`, `-` and blanks between.
    #[schemars(regex(pattern = r"^[0-9+][0-9 \-]{4,24}$"))]
    pub phone: String,
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contact(hidden)")
    }
}

/// Which card identifies an enforcement officer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OfficerCardKind {
    /// 执行人员工作证.
    WorkPermit,
    /// 执行公务证.
    DutyPermit,
}

/// Card of the enforcement officer (法〔2024〕32号 二(三)1: 工作证或者执行公务证).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfficerCard {
    /// Name of the officer (承办人).
    #[schemars(length(min = 1, max = 50))]
    pub name: String,
    /// Which card.
    pub kind: OfficerCardKind,
    /// Number on the card.
    #[schemars(length(min = 1, max = 40))]
    pub number: String,
}

impl std::fmt::Debug for OfficerCard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OfficerCard").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A demand for assistance in enforcement (协执) as a court submits it: body of `POST /v1/demands`.
///
/// Several units become several requests, each with its own order, return and receipt (D from R32, R46, R54).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// Version of this contract, `1.0` here: the major part must be known; a higher minor part is accepted as long as it
    /// brings no field this version does not know.
    #[schemars(regex(pattern = r"^1\.[0-9]{1,3}$"))]
    pub version: String,
    /// The court's own number for this demand; with the sender it makes the demand unique and repeats harmless.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$"))]
    pub demand_id: String,
    /// What is demanded.
    pub kind: Kind,
    /// The executing court.
    pub court: Court,
    /// 执行案号.
    pub case_number: CaseNumber,
    /// 裁判文书案号: number of the ruling that is enforced.
    pub judgment_number: DocumentNumber,
    /// Organ that issued the ruling; may differ from the executing court (本院或其他机关).
    #[schemars(length(min = 1, max = 100))]
    pub issuing_organ: String,
    /// 原查封案号: required for renewal and lifting; the scheme before 2016 is allowed here only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_case_number: Option<OriginalCaseNumber>,
    /// Date of the seizure that is lifted (form 解除查封).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_seizure_date: Option<Date>,
    /// 案由 and parties, as on the notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500))]
    pub cause: Option<String>,
    /// 被执行人.
    pub debtor: Debtor,
    /// The property units.
    #[schemars(length(min = 1, max = 300))]
    pub units: Vec<Unit>,
    /// Period; required except for lifting, where it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// 联系人.
    pub contact: Contact,
    /// Cards of the officers.
    #[schemars(length(min = 1, max = 10))]
    pub officers: Vec<OfficerCard>,
    /// Documents by claim: ruling, notice, and a scan of at least one officer's card.
    #[schemars(length(min = 1, max = 30))]
    pub attachments: Vec<Attachment>,
    /// The returned, withdrawn or closed request that this demand corrects; it gets its own, later receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior_request_id: Option<Uuid>,
    /// 备注.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub remarks: Option<String>,
}
