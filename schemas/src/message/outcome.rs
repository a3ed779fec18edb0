//! What a registry decides: a result of registration (回执 data) or a return (退回).

use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{conversion::ConversionReport, document::Attachment, withdrawal::WithdrawalDeclined, words};
use crate::address::RegistryCode;

/// What a registry decides, with its schema's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "schema")]
pub enum OutcomeMessage {
    /// Result, first version.
    #[serde(rename = "xiezhi.result.v1")]
    ResultV1(ResultMessage),
    /// Return, first version.
    #[serde(rename = "xiezhi.return.v1")]
    ReturnV1(ReturnMessage),
    /// That the registry does not agree to a withdrawal, first version. It decides nothing about the demand, which goes on.
    #[serde(rename = "xiezhi.withdrawal-declined.v1")]
    DeclinedV1(WithdrawalDeclined),
    /// That a waiting seizure became formal, first version. It decides nothing about the demand, which is registered.
    #[serde(rename = "xiezhi.conversion.v1")]
    ConversionV1(ConversionReport),
}

impl OutcomeMessage {
    /// The request it is about.
    pub fn request_id(&self) -> Uuid {
        match self {
            Self::ResultV1(result) => result.request_id,
            Self::ReturnV1(returned) => returned.request_id,
            Self::DeclinedV1(declined) => declined.request_id,
            Self::ConversionV1(conversion) => conversion.request_id,
        }
    }

    /// The registry that decided.
    pub fn registry(&self) -> &RegistryCode {
        match self {
            Self::ResultV1(result) => &result.registry,
            Self::ReturnV1(returned) => &returned.registry,
            Self::DeclinedV1(declined) => &declined.registry,
            Self::ConversionV1(conversion) => &conversion.registry,
        }
    }
}

/// Whether the seizure stands first or waits (正式查封或轮候查封, annex 4 of 法〔2024〕32号).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegisteredStatus {
    /// 正式查封.
    Formal,
    /// 轮候查封.
    Waiting,
    /// 已解除, the answer to a lifting.
    Lifted,
}

/// What stands in the register after 登簿.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// Formal, waiting or lifted.
    pub status: RegisteredStatus,
    /// 轮候顺序 from 1; only when waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_position: Option<u32>,
    /// 业务号 at the registry.
    #[schemars(length(min = 1, max = 100))]
    pub business_number: String,
    /// 登簿时间: when it was entered in the register, registry's clock.
    pub registered_at: Timestamp,
    /// First day of the registered period; absent for a lifting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_from: Option<Date>,
    /// Last day of the registered period; absent for a lifting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_to: Option<Date>,
}

/// A registry registered a demand (回执, annex 4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResultMessage {
    /// The request.
    pub request_id: Uuid,
    /// The registry that decided.
    pub registry: RegistryCode,
    /// What was registered.
    pub registration: Registration,
    /// The sealed receipt form, when the registry sends it as a document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_form: Option<Attachment>,
    /// 备注.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub remarks: Option<String>,
}

/// Why a demand was returned (法〔2024〕32号 二(三)2 and 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReturnReason {
    /// 协执事项不清晰.
    MatterUnclear,
    /// 查封标的物不准确.
    TargetInaccurate,
    /// 查封期限缺失.
    PeriodMissing,
    /// 协执信息与登记簿记载信息不一致.
    RegisterMismatch,
    /// 已办理预告登记至案外人名下.
    ThirdPartyAdvanceNotice,
    /// 无对应的原查封.
    NoSuchSeizure,
    /// 人民法院书面提出撤回需求.
    Withdrawn,
    /// 其他.
    Other,
}

impl ReturnReason {
    /// Every reason, in the order of the law.
    pub const ALL: [Self; 8] = [
        Self::MatterUnclear,
        Self::TargetInaccurate,
        Self::PeriodMissing,
        Self::RegisterMismatch,
        Self::ThirdPartyAdvanceNotice,
        Self::NoSuchSeizure,
        Self::Withdrawn,
        Self::Other,
    ];
}

/// A registry returned a demand (退回); it counts as not delivered and loses its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnMessage {
    /// The request.
    pub request_id: Uuid,
    /// The registry that decided.
    pub registry: RegistryCode,
    /// Coded reasons; at least one.
    #[schemars(length(min = 1, max = 8))]
    pub reasons: Vec<ReturnReason>,
    /// The specific reason in words (说明具体理由); an empty or stock phrase is refused.
    #[schemars(length(min = 5, max = 2000))]
    pub text: String,
    /// Fields that differ from the register, for [`ReturnReason::RegisterMismatch`], each once: of [`DIFFERING_FIELDS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(regex(pattern = r"^(right_holder|certificate|location|unit_code)$")))]
    pub differing_fields: Vec<String>,
    /// When the registry decided, registry's clock.
    pub decided_at: Timestamp,
}

/// The fields of the target that can differ from the register (权利人、不动产权证书号、坐落、不动产单元代码): those that the notice
/// must state, 法〔2024〕32号 二(三)1.
pub const DIFFERING_FIELDS: [&str; 4] = ["right_holder", "certificate", "location", "unit_code"];

/// A return that does not explain itself.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReturnReasonError {
    /// No code was given.
    #[error("a return names at least one coded reason")]
    NoCode,
    /// The words say nothing specific.
    #[error("a return explains its reason in words of its own; {0:?} says nothing specific")]
    Boilerplate(String),
    /// A mismatch names no field.
    #[error("a return for register_mismatch names the fields that differ")]
    NoField,
    /// A field that nobody knows, or one named twice.
    #[error(
        "{0:?} is no field of the target, or named twice; fields are right_holder, certificate, location, unit_code"
    )]
    Field(String),
}

impl ReturnMessage {
    /// Whether the return explains itself (应及时作退回处理并说明具体理由).
    ///
    /// # Errors
    /// The first thing that is missing.
    pub fn check(&self) -> Result<(), ReturnReasonError> {
        if self.reasons.is_empty() {
            return Err(ReturnReasonError::NoCode);
        }
        if !words::say_something(&self.text) {
            return Err(ReturnReasonError::Boilerplate(self.text.chars().take(40).collect()));
        }
        if self.reasons.contains(&ReturnReason::RegisterMismatch) && self.differing_fields.is_empty() {
            return Err(ReturnReasonError::NoField);
        }
        let strange = self.differing_fields.iter().enumerate().find(|(at, field)| {
            !DIFFERING_FIELDS.contains(&field.as_str()) || self.differing_fields[..*at].contains(field)
        });
        match strange {
            Some((_, field)) => Err(ReturnReasonError::Field(field.chars().take(40).collect())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn returned(reasons: &[ReturnReason], text: &str, fields: &[&str]) -> ReturnMessage {
        ReturnMessage {
            request_id: Uuid::from_u128(1),
            registry: "320102".parse().unwrap(),
            reasons: reasons.to_vec(),
            text: text.to_owned(),
            differing_fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            decided_at: "2024-03-04T09:30:00+08:00".parse().unwrap(),
        }
    }

    /// R35, R36: every code goes with words, and no code goes without.
    #[test]
    fn every_reason_needs_words_of_its_own() {
        for reason in ReturnReason::ALL {
            let fields: &[&str] =
                if reason == ReturnReason::RegisterMismatch { &["certificate"] } else { &[] };
            assert_eq!(returned(&[reason], "通知书所列标的物无法确定", fields).check(), Ok(()), "{reason:?}");
            for empty in ["", "退回", "　 退 回。", "其他原因！", "不符合要求", "12345"] {
                let refused = returned(&[reason], empty, fields).check();
                assert!(matches!(refused, Err(ReturnReasonError::Boilerplate(_))), "{reason:?} {empty:?}");
            }
        }
        assert_eq!(returned(&[], "通知书未载明期限", &[]).check(), Err(ReturnReasonError::NoCode));
    }

    /// R52: a mismatch names each differing field, by its word and once.
    #[test]
    fn a_mismatch_names_its_fields() {
        let mismatch = |fields: &[&str]| {
            returned(&[ReturnReason::RegisterMismatch], "权证号与登记簿记载不一致", fields).check()
        };
        assert_eq!(mismatch(&["certificate"]), Ok(()));
        assert_eq!(mismatch(&DIFFERING_FIELDS), Ok(()));
        assert_eq!(mismatch(&[]), Err(ReturnReasonError::NoField));
        assert_eq!(mismatch(&["证号"]), Err(ReturnReasonError::Field("证号".to_owned())));
        assert!(mismatch(&["location", "location"]).is_err());
    }
}
