//! Demands that tests of mapping files may begin with. Everybody in them is invented.

use serde_json::{Value as Json, json};
use xiezhi_schemas::message::Demand;

use crate::testing::parse_demand;

const SEIZURE: &str = include_str!("../../../schemas/examples/accepted/demand-seizure.json");

/// The examples, one for every kind of demand.
pub(crate) const NAMES: [&str; 4] =
    ["example:seizure", "example:renewal", "example:lifting", "example:waiting"];

/// The content of every document in tests.
pub(crate) const DOCUMENT: &[u8] = b"test";

/// The text of an example.
pub(crate) fn named(name: &str) -> Option<String> {
    let kind = name.strip_prefix("example:").filter(|_| NAMES.contains(&name))?;
    let mut demand: Json = serde_json::from_str(SEIZURE).ok()?;
    demand["kind"] = json!(kind);
    if matches!(kind, "renewal" | "lifting") {
        demand["original_case_number"] = json!("（2021）京0105执567号");
    }
    if kind == "lifting" {
        demand.as_object_mut()?.remove("period");
        demand["original_seizure_date"] = json!("2021-05-06");
    }
    Some(demand.to_string())
}

/// The demand of `example:seizure`.
///
/// # Panics
/// Never: the example is part of the published schemas and a test of theirs reads it.
pub fn demand() -> Demand {
    let value = serde_json::from_str(SEIZURE).expect("the published example is JSON");
    parse_demand(value).expect("the published example is a demand")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn every_example_is_a_demand() {
        for name in NAMES {
            let value = serde_json::from_str(&named(name).unwrap()).unwrap();
            let demand = parse_demand(value).unwrap();
            assert_eq!(format!("example:{}", demand.kind.as_str()), name);
        }
        assert_eq!(demand().kind.as_str(), "seizure");
        assert!(named("example:none").is_none());
    }
}
