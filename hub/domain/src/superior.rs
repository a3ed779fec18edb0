//! The common superior court (共同上级人民法院): who settles a dispute between courts about the order of their demands.
//!
//! Pure: the table comes in as a function. A court that the table lacks gives an honest "unknown", never a guess from the
//! digits of its code.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use xiezhi_schemas::identifier::{CourtCode, CourtLevel};

/// Who settles a dispute (不同人民法院之间对查封顺位有异议的，应当报共同上级人民法院协调处理: 法〔2024〕32号 二(三)3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Superior {
    /// The nearest court above all of them.
    Court {
        /// 法院代字.
        code: CourtCode,
    },
    /// All demands are of one court, which settles it itself.
    OneCourt {
        /// That court.
        code: CourtCode,
    },
    /// The Supreme People's Court is a party; no court is above it.
    NoneAbove,
    /// The table does not say what is above these courts: 最高人民法院 is above every court and names the right one.
    Unknown {
        /// Courts of which the table does not know enough.
        missing: Vec<CourtCode>,
    },
}

/// The courts above `court`, nearest first; none when the chain breaks off before the Supreme People's Court.
fn above(court: &CourtCode, superior: &impl Fn(&CourtCode) -> Option<CourtCode>) -> Option<Vec<CourtCode>> {
    /// There are four levels; a longer chain is a ring in the table.
    const MOST: usize = 3;
    let mut chain = Vec::new();
    let mut at = court.clone();
    while at.level() != CourtLevel::Supreme {
        if chain.len() == MOST {
            return None;
        }
        at = superior(&at)?;
        chain.push(at.clone());
    }
    Some(chain)
}

/// The court that settles a dispute between `parties`. `superior` gives the court above one, from a table.
#[must_use]
pub fn common_superior(
    parties: &[CourtCode],
    superior: impl Fn(&CourtCode) -> Option<CourtCode>,
) -> Superior {
    let Some((first, rest)) = parties.split_first() else { return Superior::Unknown { missing: Vec::new() } };
    if rest.iter().all(|court| court == first) {
        return Superior::OneCourt { code: first.clone() };
    }
    if parties.iter().any(|court| court.level() == CourtLevel::Supreme) {
        return Superior::NoneAbove;
    }
    let mut chains = Vec::with_capacity(parties.len());
    let mut missing = Vec::new();
    for court in parties {
        match above(court, &superior) {
            Some(chain) => chains.push(chain),
            None if missing.contains(court) => {}
            None => missing.push(court.clone()),
        }
    }
    if !missing.is_empty() {
        return Superior::Unknown { missing };
    }
    let common = chains[0].iter().find(|court| chains.iter().all(|chain| chain.contains(court)));
    match common {
        Some(code) => Superior::Court { code: code.clone() },
        None => Superior::Unknown { missing: parties.to_vec() },
    }
}

/// Whether `decider` may decide a dispute between `parties`: it is above all of them by the table, or it is the Supreme
/// People's Court, which is above every other court whatever the table lacks. A court never decides its own dispute.
#[must_use]
pub fn may_decide(
    decider: &CourtCode,
    parties: &[CourtCode],
    superior: impl Fn(&CourtCode) -> Option<CourtCode>,
) -> bool {
    if parties.is_empty() || parties.contains(decider) {
        // Two demands of one court: that court may decide between its own cases.
        return !parties.is_empty() && parties.iter().all(|court| court == decider);
    }
    decider.level() == CourtLevel::Supreme
        || parties.iter().all(|court| above(court, &superior).is_some_and(|chain| chain.contains(decider)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use proptest::prelude::*;
    use xiezhi_schemas::courts;

    use super::*;

    fn code(text: &str) -> CourtCode {
        text.parse().unwrap()
    }

    fn codes(list: &[&str]) -> Vec<CourtCode> {
        list.iter().map(|text| code(text)).collect()
    }

    fn table(court: &CourtCode) -> Option<CourtCode> {
        courts::find(court)?.superior.clone()
    }

    fn named(list: &[&str]) -> Superior {
        common_superior(&codes(list), table)
    }

    fn court(text: &str) -> Superior {
        Superior::Court { code: code(text) }
    }

    /// R53.
    #[test]
    fn the_nearest_court_above_all_is_named_from_the_table() {
        assert_eq!(named(&["京0105", "沪0115"]), court("最高法"));
        assert_eq!(named(&["京0105", "京0112"]), court("京03"));
        // The digits would say 京01 for both.
        assert_eq!(named(&["京0105", "京0108"]), court("京"));
        assert_eq!(named(&["苏0102", "苏0104"]), court("苏01"));
        assert_eq!(named(&["苏0102", "苏0581"]), court("苏"));
        // The court above one of them is itself a party.
        assert_eq!(named(&["苏0102", "苏01"]), court("苏"));
        assert_eq!(named(&["苏01", "苏"]), court("最高法"));
        assert_eq!(named(&["沪72", "沪0115"]), court("沪"));
        assert_eq!(named(&["苏0102", "苏0104", "京"]), court("最高法"));
    }

    #[test]
    fn what_cannot_be_named_is_said() {
        assert_eq!(named(&["京0105", "京0105"]), Superior::OneCourt { code: code("京0105") });
        assert_eq!(named(&["京0105", "最高法"]), Superior::NoneAbove);
        assert_eq!(named(&["京0105", "冀0102", "冀0102"]), Superior::Unknown { missing: codes(&["冀0102"]) });
        assert_eq!(named(&[]), Superior::Unknown { missing: Vec::new() });
        let ring = |court: &CourtCode| Some(court.clone());
        let parties = codes(&["苏01", "苏02"]);
        assert_eq!(common_superior(&parties, ring), Superior::Unknown { missing: parties.clone() });
    }

    #[test]
    fn only_a_court_above_all_decides() {
        let may = |decider: &str, parties: &[&str]| may_decide(&code(decider), &codes(parties), table);
        assert!(may("最高法", &["京0105", "沪0115"]));
        assert!(!may("京", &["京0105", "沪0115"]));
        assert!(may("京03", &["京0105", "京0112"]) && may("京", &["京0105", "京0112"]));
        assert!(!may("京0105", &["京0105", "京0112"]));
        assert!(may("京0105", &["京0105", "京0105"]));
        // The table lacks one of them: only the court above every court may.
        assert!(may("最高法", &["京0105", "冀0102"]) && !may("冀", &["冀0101", "冀0102"]));
        assert!(!may("最高法", &["最高法", "京0105"]) && !may("最高法", &[]));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whoever is named may decide, stands above everybody, and the order of the parties does not matter.
        #[test]
        fn who_is_named_may_decide(picks in prop::collection::vec(any::<prop::sample::Index>(), 2..5)) {
            let all: Vec<CourtCode> = courts::all().map(|court| court.code.clone()).collect();
            let parties: Vec<CourtCode> = picks.iter().map(|pick| pick.get(&all).clone()).collect();
            let named = common_superior(&parties, table);
            let backwards: Vec<CourtCode> = parties.iter().rev().cloned().collect();
            prop_assert_eq!(&named, &common_superior(&backwards, table));
            match named {
                Superior::Court { code } | Superior::OneCourt { code } => {
                    prop_assert!(may_decide(&code, &parties, table));
                }
                Superior::NoneAbove => {
                    prop_assert!(parties.iter().any(|court| court.level() == CourtLevel::Supreme));
                }
                Superior::Unknown { .. } => prop_assert!(false, "the table is whole for its own courts"),
            }
        }
    }
}
