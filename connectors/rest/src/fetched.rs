//! What the local system offers → messages for the hub. Pure.

use connector_sdk::{AdapterError, LocalOutcome, LocalReceiptOffer};
use serde::Deserialize;
use serde_json::Value;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{
        ConversionReport, LocalRecord, OutcomeMessage, ResultMessage, ReturnMessage, WithdrawalDeclined,
    },
};

use crate::encode::is_offer_id;

#[derive(Deserialize)]
struct OutcomePage {
    outcomes: Vec<Value>,
}

#[derive(Deserialize)]
struct Offer {
    id: String,
    result: Option<ResultMessage>,
    #[serde(rename = "return")]
    returned: Option<ReturnMessage>,
    declined: Option<WithdrawalDeclined>,
    conversion: Option<ConversionReport>,
}

#[derive(Deserialize)]
struct ReceiptPage {
    local_receipts: Vec<Value>,
}

#[derive(Deserialize)]
struct ReceiptOffer {
    id: String,
    local: LocalRecord,
    demand: Value,
}

/// What one page holds.
#[derive(Debug)]
pub(crate) struct Fetched<T> {
    /// What can be handed to the hub.
    pub(crate) good: Vec<T>,
    /// Places in the page, from 0, of what cannot be read, belongs to another registry or has an unusable id.
    pub(crate) bad: Vec<usize>,
}

/// Reads one page of outcomes.
pub(crate) fn outcomes(body: &[u8], registry: &RegistryCode) -> Result<Fetched<LocalOutcome>, AdapterError> {
    let page: OutcomePage = serde_json::from_slice(body)
        // Not as a cause: the parser quotes what it read.
        .map_err(|_| AdapterError::transient("the list of outcomes cannot be read"))?;
    sift(page.outcomes, ("outcomes", registry), |value| outcome(value, registry))
}

/// Reads one page of receipts of the local link. What stands in their demands is for the hub to judge.
pub(crate) fn local_receipts(
    body: &[u8],
    registry: &RegistryCode,
) -> Result<Fetched<LocalReceiptOffer>, AdapterError> {
    let page: ReceiptPage = serde_json::from_slice(body)
        .map_err(|_| AdapterError::transient("the list of local receipts cannot be read"))?;
    sift(page.local_receipts, ("local receipts", registry), |value| {
        let ReceiptOffer { id, local, demand } = serde_json::from_value(value).ok()?;
        is_offer_id(&id).then_some(LocalReceiptOffer { receipt_id: id, local, demand })
    })
}

/// A bad offer does not hold up the good ones beside it; a page of bad ones only is an error, because nothing would ever
/// move again.
fn sift<T>(
    offers: Vec<Value>,
    (what, registry): (&str, &RegistryCode),
    one: impl Fn(Value) -> Option<T>,
) -> Result<Fetched<T>, AdapterError> {
    let mut fetched = Fetched { good: Vec::new(), bad: Vec::new() };
    for (place, value) in offers.into_iter().enumerate() {
        match one(value) {
            Some(good) => fetched.good.push(good),
            None => fetched.bad.push(place),
        }
    }
    if fetched.good.is_empty() && !fetched.bad.is_empty() {
        return Err(AdapterError::permanent(format!(
            "none of {} {what} offered by registry {registry} can be read; compare connectors/rest/README.md",
            fetched.bad.len()
        )));
    }
    Ok(fetched)
}

fn outcome(value: Value, registry: &RegistryCode) -> Option<LocalOutcome> {
    let offer: Offer = serde_json::from_value(value).ok()?;
    let message = match (offer.result, offer.returned, offer.declined, offer.conversion) {
        (Some(result), None, None, None) => OutcomeMessage::ResultV1(result),
        (None, Some(returned), None, None) => OutcomeMessage::ReturnV1(returned),
        (None, None, Some(declined), None) => OutcomeMessage::DeclinedV1(declined),
        (None, None, None, Some(conversion)) => OutcomeMessage::ConversionV1(conversion),
        _ => return None,
    };
    let usable = is_offer_id(&offer.id) && message.registry() == registry;
    usable.then_some(LocalOutcome { outcome_id: offer.id, message })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn result(id: &str, registry: &str) -> String {
        format!(
            r#"{{"id":"{id}","result":{{"request_id":"00000000-0000-0000-0000-000000000001","registry":"{registry}",
            "registration":{{"status":"lifted","business_number":"YW1","registered_at":"2026-01-01T00:00:00Z"}}}}}}"#
        )
    }

    #[test]
    fn good_outcomes_pass_bad_ones_beside_them() {
        let registry: RegistryCode = "320102".parse().unwrap();
        let page = |items: &[String]| format!(r#"{{"outcomes":[{}]}}"#, items.join(","));
        let both = r#"{"id":"b","result":null,"return":null}"#.to_owned();
        let items = [
            result("a", "320102"),
            both,
            result("c", "320104"),
            result("d/..", "320102"),
            result("e", "320102"),
        ];
        let fetched = outcomes(page(&items).as_bytes(), &registry).unwrap();
        assert_eq!(fetched.bad, [1, 2, 3]);
        let ids: Vec<_> = fetched.good.iter().map(|outcome| outcome.outcome_id.as_str()).collect();
        assert_eq!(ids, ["a", "e"]);

        assert!(outcomes(page(&[]).as_bytes(), &registry).unwrap().good.is_empty());
        assert!(!outcomes(page(&items[1..3]).as_bytes(), &registry).unwrap_err().is_transient());
        assert!(outcomes(b"{", &registry).unwrap_err().is_transient());
    }
    #[test]
    fn receipts_of_the_link_are_read_whatever_their_demands_say() {
        let registry: RegistryCode = "320102".parse().unwrap();
        let offer =
            |id: &str, local: &str| format!(r#"{{"id":"{id}","local":{local},"demand":{{"kind":"x"}}}}"#);
        let local = r#"{"number":"L-1","received_at":"2026-01-01T00:00:00Z","system":"某系统"}"#;
        let items = [offer("a", local), offer("b/..", local), offer("c", r#"{"number":"L-2"}"#)].join(",");
        let fetched =
            local_receipts(format!(r#"{{"local_receipts":[{items}]}}"#).as_bytes(), &registry).unwrap();
        assert_eq!((fetched.good.len(), fetched.bad), (1, vec![1, 2]));
        assert_eq!(
            (fetched.good[0].receipt_id.as_str(), &fetched.good[0].demand["kind"]),
            ("a", &"x".into())
        );
        let bad = format!(r#"{{"local_receipts":[{}]}}"#, offer("..", local));
        assert!(!local_receipts(bad.as_bytes(), &registry).unwrap_err().is_transient());
        assert!(local_receipts(br#"{"outcomes":[]}"#, &registry).unwrap_err().is_transient());
    }
}
