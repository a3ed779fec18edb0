//! The embedded table of administrative divisions, and the checks that need it. The table and its sources are
//! described in `data/README.md`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::refusal::{Refusal, Warning};

static TABLE: LazyLock<BTreeMap<String, Division>> = LazyLock::new(|| {
    csv::Reader::from_reader(include_bytes!("../../data/divisions.csv").as_slice())
        .into_deserialize::<Division>()
        .map(|row| row.expect("the embedded table is well formed, a test reads it"))
        .map(|row| (row.code.clone(), row))
        .collect()
});

/// Cities at prefecture level without counties; their own code stands where a county's would.
const WITHOUT_COUNTIES: [&str; 4] = ["441900", "442000", "460400", "620200"];

/// Whether a division code is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DivisionKind {
    /// In use.
    Current,
    /// Abolished; numbers issued before keep the code.
    Retired,
    /// Used in statistics only, there is no such division in law.
    Statistical,
}

/// One row of the table of administrative divisions (行政区划, GB/T 2260).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Division {
    /// Six digits.
    pub code: String,
    /// Present name, or the last one of a retired code.
    pub name: String,
    /// First year in the history, if the sources state one.
    pub valid_from: Option<i16>,
    /// Year in which the code was abolished, if the sources state one.
    pub valid_to: Option<i16>,
    /// Whether the code is in use.
    pub kind: DivisionKind,
}

impl Division {
    /// Whether land is registered under this code: a county, or a city without counties.
    pub fn is_county_level(&self) -> bool {
        !self.code.ends_with("00") || WITHOUT_COUNTIES.contains(&self.code.as_str())
    }

    /// The warning that goes with an accepted code of this kind.
    pub(super) fn warning(&self) -> Option<Warning> {
        match self.kind {
            DivisionKind::Current => None,
            DivisionKind::Retired => Some(Warning::new(
                "DIVISION_RETIRED",
                format!(
                    "division {} was abolished{}; numbers issued before keep it",
                    self.code,
                    self.valid_to.map(|year| format!(" in {year}")).unwrap_or_default()
                ),
            )),
            DivisionKind::Statistical => Some(Warning::new(
                "DIVISION_STATISTICAL_ONLY",
                format!("division {} is used in statistics only; check with the registry", self.code),
            )),
        }
    }
}

/// Looks up a code, current or past. `None` if the code never existed.
pub fn division(code: &str) -> Option<&'static Division> {
    TABLE.get(code)
}

/// All rows, ascending by code.
pub fn divisions() -> impl Iterator<Item = &'static Division> {
    TABLE.values()
}

/// Whether the first two digits are those of a province.
pub(super) fn is_province(two: &str) -> bool {
    TABLE.contains_key(&format!("{two}0000"))
}

/// Refuses `xx00yy`: a county cannot stand directly under a province. Expects six digits. Code: `LEVEL_GAP`.
pub(super) fn no_gap(code: &str) -> Result<(), Refusal> {
    if code[2..4] == *"00" && code[4..6] != *"00" && code[..2] != *"00" {
        return Err(Refusal::semantic(
            "LEVEL_GAP",
            format!("division {code} has county digits under prefecture 00; check the middle digits"),
        ));
    }
    Ok(())
}

/// Looks up the division part of a longer number. Code: `DIVISION_UNKNOWN`.
pub(super) fn known(code: &str) -> Result<&'static Division, Refusal> {
    division(code).ok_or_else(|| {
        Refusal::reference(
            "DIVISION_UNKNOWN",
            format!("there is no division {code}, now or in the past; check the division digits"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_sound() {
        assert!(divisions().count() > 6000);
        for row in divisions() {
            assert!(row.code.len() == 6 && row.code.bytes().all(|b| b.is_ascii_digit()), "{}", row.code);
            assert!(!row.name.is_empty() && is_province(&row.code[..2]), "{}", row.code);
            assert!(row.kind == DivisionKind::Retired || row.valid_to.is_none(), "{}", row.code);
        }
        assert_eq!(include_str!("../../data/divisions.csv").lines().count(), divisions().count() + 1);
    }

    #[test]
    fn later_changes_are_in() {
        for (code, year) in [("330103", 2021), ("330104", 2021), ("320684", 2020), ("110103", 2010)] {
            let row = division(code).unwrap();
            assert_eq!((row.kind, row.valid_to), (DivisionKind::Retired, Some(year)), "{code}");
        }
        for code in ["330113", "370114", "110000", "320100", "441900", "710000"] {
            assert_eq!(division(code).unwrap().kind, DivisionKind::Current, "{code}");
        }
        for code in ["130171", "620201"] {
            assert_eq!(division(code).unwrap().kind, DivisionKind::Statistical, "{code}");
        }
        assert!(division("830000").is_none());
    }

    #[test]
    fn cities_without_counties_are_county_level() {
        for code in WITHOUT_COUNTIES {
            assert!(division(code).unwrap().is_county_level(), "{code}");
        }
        assert!(!division("320100").unwrap().is_county_level());
    }
}
