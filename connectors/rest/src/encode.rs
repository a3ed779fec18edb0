//! Messages → requests. Pure. No name and no number of a person goes into a path: registry, request id and the local system's
//! own outcome ids are all that stands there.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use connector_sdk::{DeliveryOrder, FetchedDocument, WithdrawalOrder};
use reqwest::Url;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{AttachmentRole, LocalReceiptVerdict},
};

/// One call of the local system, without its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call<'a> {
    /// Hand over a demand.
    Deliver,
    /// Tell that it is void.
    Void(Uuid),
    /// Hand over the court's wish to take a demand back.
    Withdrawal(Uuid),
    /// Ask for so many outcomes, those after one of them or the oldest.
    Outcomes(usize, Option<&'a str>),
    /// Tell that the hub has an outcome.
    Settle(&'a str),
    /// Ask for so many receipts of its own link.
    LocalReceipts(usize),
    /// Tell what the hub said about one of them.
    SettleLocalReceipt(&'a str),
    /// Ask whether it is well.
    Health,
}

impl Call<'_> {
    /// The full address of the call.
    pub(crate) fn url(self, base: &Url, registry: &RegistryCode) -> Url {
        let mut url = base.clone();
        let id;
        let tail: &[&str] = match self {
            Self::Deliver => &["demands"],
            Self::Void(request_id) => {
                id = request_id.to_string();
                &["demands", &id, "void"]
            }
            Self::Withdrawal(request_id) => {
                id = request_id.to_string();
                &["demands", &id, "withdrawal"]
            }
            Self::Outcomes(..) => &["outcomes"],
            Self::Settle(outcome_id) => &["outcomes", outcome_id, "settled"],
            Self::LocalReceipts(_) => &["local-receipts"],
            Self::SettleLocalReceipt(receipt_id) => &["local-receipts", receipt_id, "settled"],
            Self::Health => &["health"],
        };
        // The scheme is http or https, so there is a path to append to.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("registries").push(registry.as_str()).extend(tail);
        }
        let (limit, after) = match self {
            Self::Outcomes(limit, after) => (Some(limit), after),
            Self::LocalReceipts(limit) => (Some(limit), None),
            _ => (None, None),
        };
        if let Some(limit) = limit {
            url.query_pairs_mut().append_pair("limit", &limit.to_string());
        }
        if let Some(after) = after {
            url.query_pairs_mut().append_pair("after", after);
        }
        url
    }
}

/// Whether the local system's id of what it offers can stand in a path as it is.
pub(crate) fn is_offer_id(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~'))
        // A path would swallow these.
        && !matches!(text, "." | "..")
}

#[derive(Serialize)]
struct Delivery<'a> {
    demand: &'a RawValue,
    documents: Vec<Document<'a>>,
}

#[derive(Serialize)]
struct Document<'a> {
    name: &'a str,
    role: AttachmentRole,
    media_type: &'a str,
    sha256: &'a str,
    content_base64: String,
}

/// The body that hands over a demand: the demand's bytes exactly as they travelled, and its documents.
///
/// # Errors
/// When the bytes are not JSON.
pub(crate) fn delivery(order: &DeliveryOrder<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let documents = order.documents.iter().map(document).collect();
    serde_json::to_vec(&Delivery { demand: serde_json::from_slice(order.body)?, documents })
}

fn document(document: &FetchedDocument) -> Document<'_> {
    Document {
        name: &document.claim.name,
        role: document.claim.role,
        media_type: &document.claim.media_type,
        sha256: document.claim.sha256.as_str(),
        content_base64: STANDARD.encode(&document.bytes),
    }
}

#[derive(Serialize)]
struct Wish<'a> {
    withdrawal: &'a RawValue,
    letter: Document<'a>,
}

/// The body that hands over a wish for withdrawal: its bytes exactly as the hub gave them, and the sealed letter.
///
/// # Errors
/// When the bytes are not JSON.
pub(crate) fn withdrawal(order: &WithdrawalOrder<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let withdrawal = serde_json::from_slice(order.body)?;
    serde_json::to_vec(&Wish { withdrawal, letter: document(order.letter) })
}

/// The body that tells what the hub said about a receipt of the local link.
pub(crate) fn said(verdict: &LocalReceiptVerdict) -> Vec<u8> {
    serde_json::json!({ "verdict": verdict }).to_string().into_bytes()
}

/// The body that tells why a demand is void.
pub(crate) fn void(reason: &str) -> Vec<u8> {
    serde_json::json!({ "reason": reason }).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn addresses_are_built_from_codes_and_ids_only() {
        let registry: RegistryCode = "320102".parse().unwrap();
        let id = Uuid::from_u128(7);
        for (base, call, expected) in [
            ("https://h/api/", Call::Deliver, "https://h/api/registries/320102/demands"),
            ("https://h/api", Call::Health, "https://h/api/registries/320102/health"),
            ("http://[::1]:9", Call::Outcomes(5, None), "http://[::1]:9/registries/320102/outcomes?limit=5"),
            (
                "https://h",
                Call::Outcomes(5, Some("JG-1")),
                "https://h/registries/320102/outcomes?limit=5&after=JG-1",
            ),
            ("https://h", Call::Settle("JG-1"), "https://h/registries/320102/outcomes/JG-1/settled"),
            ("https://h", Call::LocalReceipts(5), "https://h/registries/320102/local-receipts?limit=5"),
            (
                "https://h",
                Call::SettleLocalReceipt("DD-1"),
                "https://h/registries/320102/local-receipts/DD-1/settled",
            ),
        ] {
            assert_eq!(call.url(&base.parse().unwrap(), &registry).as_str(), expected);
        }
        let void = Call::Void(id).url(&"https://h".parse().unwrap(), &registry);
        assert_eq!(void.path(), format!("/registries/320102/demands/{id}/void"));
        let wish = Call::Withdrawal(id).url(&"https://h".parse().unwrap(), &registry);
        assert_eq!(wish.path(), format!("/registries/320102/demands/{id}/withdrawal"));
    }

    #[test]
    fn ids_that_would_change_the_path_are_known() {
        for (text, good) in
            [("JG-1_a.b~", true), ("", false), ("..", false), ("a/b", false), ("号", false), ("a b", false)]
        {
            assert_eq!(is_offer_id(text), good, "{text:?}");
        }
        assert!(!is_offer_id(&"a".repeat(101)));
    }
}
