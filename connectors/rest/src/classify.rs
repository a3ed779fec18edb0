//! What the local system's reply means. Pure, and the most important table of this crate: `Taken` here leads to a receipt (送达).
//!
//! The rule: a reply that says in full that the demand is stored is `Taken`; one that names a fault of this very demand is
//! `Refused`; everything else, however odd, says nothing about the demand and is `Unwell`.

use std::time::Duration;

use connector_sdk::{AdapterError, Outcome, redact};
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;
use xiezhi_schemas::message::{Demand, ReturnMessage, ReturnReason, WithdrawalTaking};

/// The longest wait that a local system may ask for; more would hide that it is gone.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);
/// Longest local reference that a receipt carries.
const MAX_REFERENCE: usize = 100;

/// What came back from one call.
#[derive(Debug)]
pub(crate) enum Reply {
    /// An HTTP answer.
    Answered {
        /// Status code.
        status: u16,
        /// `Retry-After` as sent.
        retry_after: Option<String>,
        /// The whole body.
        body: Vec<u8>,
    },
    /// No whole answer.
    Failed(Failure),
}

/// Why there is no whole answer. None of them says whether the local system acted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// No connection; also DNS and TLS.
    #[error("no connection")]
    Connect(#[source] reqwest::Error),
    /// The time for one call was over.
    #[error("no answer in time")]
    Timeout(#[source] reqwest::Error),
    /// The connection broke.
    #[error("the connection broke before the answer was complete")]
    Broken(#[source] reqwest::Error),
    /// The answer is larger than any answer of the protocol.
    #[error("the answer is larger than {0} bytes")]
    Oversize(usize),
}

#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
enum Answer {
    Taken { request_id: Option<Uuid>, reference: Option<String>, received_at: Option<String> },
    Returned(serde_json::Value),
    Refused { code: Option<String>, reason: Option<String> },
}

#[derive(Deserialize)]
struct Returned {
    request_id: Option<Uuid>,
    reasons: Vec<ReturnReason>,
    text: String,
    #[serde(default)]
    differing_fields: Vec<String>,
    decided_at: Option<Timestamp>,
}

/// What the reply to a delivery means.
pub(crate) fn delivery(reply: &Reply, demand: &Demand, now: Timestamp) -> Outcome {
    let (status, retry_after, body) = match reply {
        Reply::Failed(failure) => return unwell(failure.to_string(), None),
        Reply::Answered { status, retry_after, body } => (*status, retry_after.as_deref(), body),
    };
    let answer = serde_json::from_slice::<Answer>(body).ok();
    match (status, answer) {
        (200 | 201, Some(Answer::Taken { request_id, reference, received_at })) => {
            if request_id.is_some_and(|id| id != demand.request_id) {
                return unwell("the answer is about another request".into(), None);
            }
            // Claims beside the fact; one that cannot be carried does not undo that the demand is stored.
            let local_reference =
                reference.filter(|text| (1..=MAX_REFERENCE).contains(&text.chars().count()));
            let local_received_at = received_at.and_then(|text| text.parse().ok());
            Outcome::Taken { local_reference, local_received_at, mapping: None }
        }
        (200 | 201, Some(Answer::Returned(value))) => returned(value, demand, now),
        (200 | 201 | 400 | 409 | 413 | 415 | 422, Some(Answer::Refused { code, reason })) => {
            let reason = reason.map_or_else(|| "no reason was given".into(), |text| redact(&text, demand));
            Outcome::Refused { code: word(code), reason }
        }
        (413, None) => Outcome::Refused {
            code: "http_413".into(),
            reason: "the demand with its documents is larger than the local system accepts".into(),
        },
        _ => unwell(trouble(status), wait(retry_after, now)),
    }
}

fn returned(value: serde_json::Value, demand: &Demand, now: Timestamp) -> Outcome {
    let refused = |reason: String| Outcome::Refused { code: "return_unusable".into(), reason };
    let Ok(returned) = serde_json::from_value::<Returned>(value) else {
        return refused("the local system returned it, with reasons that cannot be read".into());
    };
    if returned.request_id.is_some_and(|id| id != demand.request_id) {
        return unwell("the answer is about another request".into(), None);
    }
    let message = ReturnMessage {
        request_id: demand.request_id,
        registry: demand.registry.clone(),
        reasons: returned.reasons,
        text: returned.text,
        differing_fields: returned.differing_fields,
        decided_at: returned.decided_at.unwrap_or(now),
    };
    match message.check() {
        Ok(()) => Outcome::Returned(message),
        Err(error) => refused(redact(&error.to_string(), demand)),
    }
}

#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
enum WishAnswer {
    Held,
    Unsupported,
}

/// What the reply to a wish for withdrawal means. A system that does not know the call has no place for wishes: the court
/// hears it and sends its letter by another way, so that nobody waits for an answer that cannot come.
pub(crate) fn withdrawal(reply: Reply) -> Result<WithdrawalTaking, AdapterError> {
    if let Reply::Answered { status: 404 | 405 | 501, .. } = reply {
        return Ok(WithdrawalTaking::Unsupported);
    }
    let body = body(reply)?;
    match serde_json::from_slice(&body) {
        Ok(WishAnswer::Held) => Ok(WithdrawalTaking::Held),
        Ok(WishAnswer::Unsupported) => Ok(WithdrawalTaking::Unsupported),
        Err(_) => Err(AdapterError::transient("the answer to a withdrawal is not one of the protocol")),
    }
}

/// The body of a list that not every local system has; none from one that does not know the call.
pub(crate) fn list_if_known(reply: Reply) -> Result<Option<Vec<u8>>, AdapterError> {
    match reply {
        Reply::Answered { status: 404 | 405 | 501, .. } => Ok(None),
        other => body(other).map(Some),
    }
}

/// Whether the local system confirmed what it was told.
pub(crate) fn done(reply: Reply) -> Result<(), AdapterError> {
    body(reply).map(drop)
}

/// The body of a plain success, or what is wrong.
pub(crate) fn body(reply: Reply) -> Result<Vec<u8>, AdapterError> {
    match reply {
        Reply::Failed(failure) => Err(AdapterError::transient(failure.to_string()).because(failure)),
        Reply::Answered { status: 200 | 201 | 204, body, .. } => Ok(body),
        Reply::Answered { status: status @ (408 | 425 | 429 | 500..=599), .. } => {
            Err(AdapterError::transient(trouble(status)))
        }
        Reply::Answered { status, .. } => Err(AdapterError::permanent(trouble(status))),
    }
}

/// What an operator should think of when this status comes and says nothing about the demand.
fn trouble(status: u16) -> String {
    let advice = match status {
        200 | 201 => "the answer is not one of the protocol",
        202 => "accepted is not stored: only 200 or 201 with `taken` counts as received",
        203..=299 => "a success without the protocol's answer",
        300..=399 => "redirects are not followed: set `base_url` to the address behind it",
        401 | 403 => "the token is not accepted: check `token` and its rights for this registry",
        404 | 405 | 410 => "no registry interface there: check `base_url` and that it serves this registry",
        407 => "a proxy asks for credentials",
        408 | 425 | 429 => "it asks to come later",
        400..=499 => "refused without a reason",
        500..=599 => "it is ill",
        _ => "no answer of HTTP",
    };
    format!("HTTP {status}: {advice}")
}

fn unwell(reason: String, retry_after: Option<Duration>) -> Outcome {
    Outcome::Unwell { reason, retry_after }
}

/// `Retry-After` in seconds or as a date.
fn wait(text: Option<&str>, now: Timestamp) -> Option<Duration> {
    let text = text?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
            Duration::try_from(at.duration_since(now)).ok()?
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// A code is a word for machines; anything else might hold what must not be logged.
fn word(code: Option<String>) -> String {
    let wordlike = |text: &String| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
            && !text.bytes().all(|byte| byte.is_ascii_digit() && text.len() > 8)
    };
    code.filter(wordlike).unwrap_or_else(|| "unnamed".into())
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
