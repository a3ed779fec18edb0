//! The embedded table of courts and of the court above each. The table, its sources and its limits are described in
//! `data/README.md`; which court is above a given one is read there and never computed from the digits of a code.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifier::CourtCode;

/// One court (人民法院) of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CourtRow {
    /// 法院代字.
    pub code: CourtCode,
    /// Full name.
    pub name: String,
    /// `supreme`, `high`, `intermediate` or `basic`.
    pub level: String,
    /// The court above it (上级人民法院); none for the Supreme People's Court.
    pub superior: Option<CourtCode>,
    /// Where the line comes from: `scheme`, `court` or `derived`, see `data/README.md`.
    pub source: String,
}

static TABLE: LazyLock<BTreeMap<String, CourtRow>> = LazyLock::new(|| {
    csv::Reader::from_reader(include_bytes!("../data/courts.csv").as_slice())
        .into_deserialize::<CourtRow>()
        .map(|row| row.expect("the embedded table is well formed, a test reads it"))
        .map(|row| (row.code.to_string(), row))
        .collect()
});

/// The line of a court; none when the table does not have it, which says nothing about whether the court exists.
#[must_use]
pub fn find(code: &CourtCode) -> Option<&'static CourtRow> {
    TABLE.get(code.as_ref())
}

/// Every court of the table, by code.
pub fn all() -> impl Iterator<Item = &'static CourtRow> {
    TABLE.values()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::identifier::CourtLevel;

    #[test]
    fn every_line_leads_up_to_the_supreme_court() {
        assert!(all().count() > 500);
        for court in all() {
            let mut at = court;
            let mut steps = 0;
            while let Some(above) = &at.superior {
                let next = find(above).unwrap_or_else(|| panic!("{above} above {} is missing", at.code));
                assert!(next.code.level() < at.code.level(), "{} above {}", next.code, at.code);
                at = next;
                steps += 1;
                assert!(steps <= 3, "{}", court.code);
            }
            assert_eq!(at.code.as_ref(), "最高法", "{}", court.code);
        }
    }

    #[test]
    fn codes_levels_and_sources_are_what_they_say() {
        for court in all() {
            let level = match court.code.level() {
                CourtLevel::Supreme => "supreme",
                CourtLevel::High => "high",
                CourtLevel::Intermediate => "intermediate",
                CourtLevel::Basic => "basic",
            };
            assert_eq!(court.level, level, "{}", court.code);
            assert!(["scheme", "court", "derived"].contains(&court.source.as_str()), "{}", court.code);
        }
        let lines = include_str!("../data/courts.csv").lines().count();
        assert_eq!(all().count(), lines - 1, "a code is listed twice");
    }

    #[test]
    fn digits_are_no_guide() {
        let superior =
            |code: &str| find(&code.parse().unwrap()).unwrap().superior.clone().unwrap().to_string();
        assert_eq!(superior("京0105"), "京03");
        assert_eq!(superior("沪0115"), "沪01");
        assert_eq!(superior("渝0154"), "渝02");
        assert_eq!(superior("京0491"), "京04");
        assert_eq!(superior("苏0102"), "苏01");
        assert_eq!(superior("沪72"), "沪");
        assert!(
            find(&"苏0591".parse().unwrap()).is_none(),
            "a court that the sources do not give is not invented"
        );
    }
}
