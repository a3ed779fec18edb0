//! A court's written wish to take a demand back before it is registered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{document::Attachment, submission::Contact};

/// Withdrawal request (书面提出撤回需求, 法〔2024〕32号 二(三)2). The court cannot withdraw by itself: the registry
/// decides, and answers with a return whose reason is `withdrawn`, or goes on.
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
