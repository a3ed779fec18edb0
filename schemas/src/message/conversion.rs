//! What a registry tells when a waiting seizure has become formal (轮候查封转为正式查封).

use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::address::RegistryCode;

/// The registry's own word that a waiting seizure became formal: 该轮候查封转为正式查封登记后，剩余期限自动转为正式查封期限，不再重新计算
/// (法〔2024〕32号 二(三)3). It decides nothing about the request; the hub compares it with what the law makes of the register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConversionReport {
    /// The request whose seizure waited.
    pub request_id: Uuid,
    /// The registry that says so.
    pub registry: RegistryCode,
    /// 业务号 at the registry.
    #[schemars(length(min = 1, max = 100))]
    pub business_number: String,
    /// From when it is formal, registry's clock.
    pub formal_since: Timestamp,
    /// First day of its period, as the registry holds it now.
    pub period_from: Date,
    /// Last day of its period, as the registry holds it now; it should be the one that the waiting seizure had.
    pub period_to: Date,
}

/// A report that contradicts itself.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConversionError {
    /// The period ends before it begins.
    #[error("the period ends on {to}, before it begins on {from}")]
    Backwards {
        /// First day.
        from: Date,
        /// Last day.
        to: Date,
    },
    /// The business number is empty or too long.
    #[error("a conversion names its business number in 1 to 100 characters")]
    BusinessNumber,
}

impl ConversionReport {
    /// Whether the report can be true of any seizure.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), ConversionError> {
        if self.period_to < self.period_from {
            return Err(ConversionError::Backwards { from: self.period_from, to: self.period_to });
        }
        if !(1..=100).contains(&self.business_number.trim().chars().count()) {
            return Err(ConversionError::BusinessNumber);
        }
        Ok(())
    }
}
