//! Whether a delivery is what it should be: made by the hub, whole, and for this registry. Pure; what fails here is parked and
//! never reaches a local system.

use xiezhi_schemas::{
    address::RegistryCode,
    message::{Demand, DemandMessage},
    signature::{Covered, ProvinceKey, body_sha256, verify},
};

use crate::code::Code;

/// A demand that may be handed over.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) demand: Demand,
    pub(crate) body_sha256: String,
    pub(crate) attempt: u32,
}

/// Why a delivery is parked. Never quotes the body.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "[{}] the body is not a demand of a version this build knows (line {line}, column {column})",
        Code::BadDemand
    )]
    Unreadable { line: usize, column: usize },
    #[error(
        "[{}] the demand is for registry {found}, but came from the queue of {expected}",
        Code::BadDemand
    )]
    WrongRegistry { found: RegistryCode, expected: RegistryCode },
    #[error("[{}] the header with the number of the attempt is missing or no number", Code::BadDemand)]
    NoAttempt,
    #[error("[{}] the header with the signature is missing or does not fit the message", Code::BadSignature)]
    BadSignature,
}

impl Refusal {
    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::BadSignature => Code::BadSignature,
            _ => Code::BadDemand,
        }
    }
}

/// Checks one delivery from the queue of `registry`.
pub(crate) fn check(
    key: &ProvinceKey,
    registry: &RegistryCode,
    body: &[u8],
    signature: Option<&str>,
    attempt: Option<i64>,
) -> Result<Verified, Refusal> {
    let message: DemandMessage = serde_json::from_slice(body)
        .map_err(|error| Refusal::Unreadable { line: error.line(), column: error.column() })?;
    let demand = message.into_demand();
    let covered = Covered {
        sender: &demand.sender,
        registry: &demand.registry,
        request_id: demand.request_id,
        message_id: demand.message_id,
    };
    if !signature.is_some_and(|code| verify(key, &covered, body, code)) {
        return Err(Refusal::BadSignature);
    }
    if demand.registry != *registry {
        return Err(Refusal::WrongRegistry { found: demand.registry, expected: registry.clone() });
    }
    let attempt =
        attempt.and_then(|n| u32::try_from(n).ok()).filter(|n| *n >= 1).ok_or(Refusal::NoAttempt)?;
    Ok(Verified { body_sha256: body_sha256(body), demand, attempt })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use xiezhi_schemas::signature::sign;

    use super::*;
    use crate::sample;

    fn signed(key: &ProvinceKey, demand: &Demand) -> (Vec<u8>, String) {
        let body = serde_json::to_vec(&DemandMessage::V1(Box::new(demand.clone()))).unwrap();
        let covered = Covered {
            sender: &demand.sender,
            registry: &demand.registry,
            request_id: demand.request_id,
            message_id: demand.message_id,
        };
        let code = sign(key, &covered, &body);
        (body, code)
    }

    #[test]
    fn only_the_hubs_demands_for_this_registry_pass() {
        let key = ProvinceKey::derive(b"hub", &"32".parse().unwrap());
        let registry: RegistryCode = "320102".parse().unwrap();
        let demand = sample::demand();
        let (body, code) = signed(&key, &demand);
        let verified = check(&key, &registry, &body, Some(&code), Some(2)).unwrap();
        assert_eq!((verified.attempt, verified.demand), (2, demand.clone()));

        let refused = |key: &ProvinceKey, registry: &str, body: &[u8], code: Option<&str>, attempt| {
            check(key, &registry.parse().unwrap(), body, code, attempt).unwrap_err().code()
        };
        let other = ProvinceKey::derive(b"hub", &"33".parse().unwrap());
        assert_eq!(refused(&other, "320102", &body, Some(&code), Some(1)), Code::BadSignature);
        assert_eq!(refused(&key, "320102", &body, None, Some(1)), Code::BadSignature);
        assert_eq!(refused(&key, "320104", &body, Some(&code), Some(1)), Code::BadDemand);
        assert_eq!(refused(&key, "320102", &body, Some(&code), None), Code::BadDemand);
        assert_eq!(refused(&key, "320102", &body, Some(&code), Some(0)), Code::BadDemand);
        assert_eq!(refused(&key, "320102", b"{}", Some(&code), Some(1)), Code::BadDemand);
        let mut altered = demand;
        altered.unit_index = 2;
        let (altered, _) = signed(&key, &altered);
        assert_eq!(refused(&key, "320102", &altered, Some(&code), Some(1)), Code::BadSignature);
    }

    #[test]
    fn a_refusal_quotes_nothing_from_the_body() {
        let key = ProvinceKey::derive(b"hub", &"32".parse().unwrap());
        let body = r#"{"schema":"xiezhi.demand.v1","debtor":"张三"}"#;
        let refusal = check(&key, &"320102".parse().unwrap(), body.as_bytes(), None, Some(1)).unwrap_err();
        assert!(!refusal.to_string().contains("张三"));
    }
}
