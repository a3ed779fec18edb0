//! Outcomes as the local system offers them → messages for the hub. Pure.

use connector_sdk::{AdapterError, LocalOutcome};
use serde::Deserialize;
use serde_json::Value;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{OutcomeMessage, ResultMessage, ReturnMessage, WithdrawalDeclined},
};

use crate::encode::is_outcome_id;

#[derive(Deserialize)]
struct Page {
    outcomes: Vec<Value>,
}

#[derive(Deserialize)]
struct Offer {
    id: String,
    result: Option<ResultMessage>,
    #[serde(rename = "return")]
    returned: Option<ReturnMessage>,
    declined: Option<WithdrawalDeclined>,
}

/// What one page holds.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// What can be handed to the hub.
    pub(crate) good: Vec<LocalOutcome>,
    /// Places in the page, from 0, of what cannot be read, belongs to another registry or has an unusable id.
    pub(crate) bad: Vec<usize>,
}

/// Reads one page. A bad outcome does not hold up the good ones beside it; a page of bad ones only is an error, because
/// nothing would ever move again.
pub(crate) fn read(body: &[u8], registry: &RegistryCode) -> Result<Fetched, AdapterError> {
    let page: Page = serde_json::from_slice(body)
        // Not as a cause: the parser quotes what it read.
        .map_err(|_| AdapterError::transient("the list of outcomes cannot be read"))?;
    let mut fetched = Fetched { good: Vec::new(), bad: Vec::new() };
    for (place, value) in page.outcomes.into_iter().enumerate() {
        match one(value, registry) {
            Some(outcome) => fetched.good.push(outcome),
            None => fetched.bad.push(place),
        }
    }
    if fetched.good.is_empty() && !fetched.bad.is_empty() {
        return Err(AdapterError::permanent(format!(
            "none of {} outcomes offered by registry {registry} can be read; compare connectors/rest/README.md",
            fetched.bad.len()
        )));
    }
    Ok(fetched)
}

fn one(value: Value, registry: &RegistryCode) -> Option<LocalOutcome> {
    let offer: Offer = serde_json::from_value(value).ok()?;
    let message = match (offer.result, offer.returned, offer.declined) {
        (Some(result), None, None) => OutcomeMessage::ResultV1(result),
        (None, Some(returned), None) => OutcomeMessage::ReturnV1(returned),
        (None, None, Some(declined)) => OutcomeMessage::DeclinedV1(declined),
        _ => return None,
    };
    let usable = is_outcome_id(&offer.id) && message.registry() == registry;
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
        let fetched = read(page(&items).as_bytes(), &registry).unwrap();
        assert_eq!(fetched.bad, [1, 2, 3]);
        let ids: Vec<_> = fetched.good.iter().map(|outcome| outcome.outcome_id.as_str()).collect();
        assert_eq!(ids, ["a", "e"]);

        assert!(read(page(&[]).as_bytes(), &registry).unwrap().good.is_empty());
        assert!(!read(page(&items[1..3]).as_bytes(), &registry).unwrap_err().is_transient());
        assert!(read(b"{", &registry).unwrap_err().is_transient());
    }
}
