//! A court's written wish to take a demand back before it is registered, and what becomes of it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{document::Attachment, submission::Contact, words};
use crate::address::RegistryCode;

/// Withdrawal request (书面提出撤回需求, 法〔2024〕32号 二(三)2). The court cannot withdraw by itself (不能自行撤回): the registry
/// decides, and answers with a return whose reason is `withdrawn`, or with a [`WithdrawalDeclined`] and goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawalRequest {
    /// Version of this contract.
    #[schemars(regex(pattern = r"^1\.[0-9]{1,3}$"))]
    pub version: String,
    /// The request to be withdrawn.
    pub request_id: Uuid,
    /// Why, in words.
    #[schemars(length(min = 5, max = 1000))]
    pub reason: String,
    /// The sealed written request, role `withdrawal_letter`.
    pub letter: Attachment,
    /// Whom the registry may call.
    pub contact: Contact,
}

/// A withdrawal request on its way to the registry, with its schema's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "schema")]
pub enum WithdrawalMessage {
    /// First version.
    #[serde(rename = "xiezhi.withdrawal.v1")]
    V1(Withdrawal),
}

impl WithdrawalMessage {
    /// The withdrawal in the newest form this build knows.
    #[must_use]
    pub fn into_withdrawal(self) -> Withdrawal {
        let Self::V1(withdrawal) = self;
        withdrawal
    }
}

/// What the hub hands to the registry's connector: the court's wish about one demand that the registry holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Withdrawal {
    /// Id of the withdrawal in the hub.
    pub withdrawal_id: Uuid,
    /// The request that the court wishes back.
    pub request_id: Uuid,
    /// The registry that decides.
    pub registry: RegistryCode,
    /// The court's sender name.
    pub sender: String,
    /// When the hub took the court's wish.
    pub asked_at: Timestamp,
    /// Why, in the court's words.
    pub reason: String,
    /// The sealed written request; fetched as the demand's own documents are.
    pub letter: Attachment,
    /// Whom the registry may call.
    pub contact: Contact,
}

/// One withdrawal as it is offered to a connector: the bytes, and the code that proves that they come from the hub and are
/// meant for this registry ([`crate::signature`], with `withdrawal_id` as the id of the message).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferedWithdrawal {
    /// A [`WithdrawalMessage`] as JSON text, exactly the bytes that were signed.
    pub body: String,
    /// The code, 64 hexadecimal digits.
    pub signature: String,
}

/// What the registry's own system did with a withdrawal that was handed to it; its decision comes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawalTaking {
    /// It holds the request and will decide.
    Held,
    /// It has no place for such requests: the letter must reach the registry by people.
    Unsupported,
}

impl WithdrawalTaking {
    /// The word in JSON and SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Unsupported => "unsupported",
        }
    }
}

/// The registry does not agree to a withdrawal (登记机构可在注明原因后作退回处理: it may, and need not). The demand goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawalDeclined {
    /// The withdrawal.
    pub withdrawal_id: Uuid,
    /// The request that goes on.
    pub request_id: Uuid,
    /// The registry that decided.
    pub registry: RegistryCode,
    /// Why, in words of its own.
    #[schemars(length(min = 5, max = 2000))]
    pub text: String,
    /// When the registry decided, registry's clock.
    pub decided_at: Timestamp,
}

/// A refusal without a reason.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a declined withdrawal is explained in words of its own; {0:?} says nothing specific")]
pub struct NoReason(String);

impl WithdrawalDeclined {
    /// Whether the registry says why.
    ///
    /// # Errors
    /// When it does not.
    pub fn check(&self) -> Result<(), NoReason> {
        if words::say_something(&self.text) {
            Ok(())
        } else {
            Err(NoReason(self.text.chars().take(40).collect()))
        }
    }
}
