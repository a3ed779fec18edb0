//! Which rule a waiting seizure is registered under (R49, R50): a day that whoever runs the hub must know, and what was usual
//! in each province before it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use xiezhi_domain::register::{CutOver, WaitingRule};
use xiezhi_schemas::address::ProvinceCode;

use crate::config::WaitingSettings;

/// The rules of the provinces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRules {
    day: Date,
    before: WaitingRule,
    before_in: BTreeMap<ProvinceCode, WaitingRule>,
}

/// A setting that says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesError {
    /// The key.
    pub key: &'static str,
    /// Whether it is missing and not merely wrong.
    pub missing: bool,
    /// What was expected.
    pub expected: String,
}

const RULES: [(&str, WaitingRule); 2] =
    [("from_registration", WaitingRule::FromRegistration), ("from_conversion", WaitingRule::FromConversion)];

impl WaitingRules {
    /// Reads the settings.
    ///
    /// # Errors
    /// The first setting that says nothing.
    pub fn read(settings: &WaitingSettings) -> Result<Self, RulesError> {
        let wrong = |key, expected: String| RulesError { key, missing: false, expected };
        if settings.cut_over_day.is_empty() {
            let expected = "must be set to the first day (YYYY-MM-DD) on which waiting seizures (轮候查封) are registered under \
                            法〔2024〕32号 二(三)3; the notice prints no day, so there is no default";
            return Err(RulesError {
                key: "waiting.cut_over_day",
                missing: true,
                expected: expected.to_owned(),
            });
        }
        let day = settings
            .cut_over_day
            .parse()
            .map_err(|_| wrong("waiting.cut_over_day", "expected a day, 2024-03-01".to_owned()))?;
        let known = || format!("expected {} or {}", RULES[0].0, RULES[1].0);
        let before = rule(&settings.rule_before).ok_or_else(|| wrong("waiting.rule_before", known()))?;
        let exception = |text: &String| {
            let (province, word) = text.split_once('=')?;
            Some((province.trim().parse().ok()?, rule(word.trim())?))
        };
        let before_in = settings
            .rule_before_in
            .iter()
            .map(|text| {
                exception(text).ok_or_else(|| {
                    wrong("waiting.rule_before_in", format!("each entry is PROVINCE=RULE: {}", known()))
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { day, before, before_in })
    }

    /// The day and the rule before it in a province.
    pub fn of(&self, province: &ProvinceCode) -> CutOver {
        CutOver { day: self.day, before: self.before_in.get(province).copied().unwrap_or(self.before) }
    }
}

fn rule(word: &str) -> Option<WaitingRule> {
    RULES.iter().find(|(known, _)| *known == word).map(|(_, rule)| *rule)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use jiff::civil::date;

    use super::*;

    fn settings(day: &str, before: &str, exceptions: &[&str]) -> WaitingSettings {
        WaitingSettings {
            cut_over_day: day.to_owned(),
            rule_before: before.to_owned(),
            rule_before_in: exceptions.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    /// R49: registered on the cut-over day, the new rule; R50: a day earlier, the rule of the province.
    #[test]
    fn a_day_and_a_province_choose_the_rule() {
        let rules = WaitingRules::read(&settings("2024-03-01", "from_conversion", &["62=from_registration"]))
            .unwrap();
        let (jiangsu, gansu) = ("32".parse().unwrap(), "62".parse().unwrap());
        for (province, day, rule) in [
            (&jiangsu, date(2024, 2, 29), WaitingRule::FromConversion),
            (&jiangsu, date(2024, 3, 1), WaitingRule::FromRegistration),
            (&gansu, date(2024, 2, 29), WaitingRule::FromRegistration),
        ] {
            assert_eq!(rules.of(province).rule(day), rule, "{province} {day}");
        }
    }

    #[test]
    fn without_the_day_there_are_no_rules() {
        let refused = |day, before, exceptions: &[&str]| {
            let error = WaitingRules::read(&settings(day, before, exceptions)).unwrap_err();
            (error.key, error.missing)
        };
        assert_eq!(refused("", "from_conversion", &[]), ("waiting.cut_over_day", true));
        assert_eq!(refused("2024-02-30", "from_conversion", &[]), ("waiting.cut_over_day", false));
        assert_eq!(refused("2024-03-01", "usual", &[]), ("waiting.rule_before", false));
        for bad in ["32", "32=usual", "Jiangsu=from_conversion"] {
            assert_eq!(refused("2024-03-01", "from_conversion", &[bad]), ("waiting.rule_before_in", false));
        }
    }
}
