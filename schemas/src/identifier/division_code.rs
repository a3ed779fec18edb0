//! Administrative division code, the part that routes everything else.

use jiff::civil::Date;

use super::divisions::{self, Division, division};
use super::refusal::{Refusal, Warning};
use super::{identifier, text};

/// Administrative division code (行政区划代码), GB/T 2260.
///
/// Shape: six digits; `xx0000` is a province, `xxxx00` a prefecture, anything else a county. Codes that existed in
/// the past are accepted with the warning `DIVISION_RETIRED`, codes of the statistical list only with
/// `DIVISION_STATISTICAL_ONLY`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DivisionCode(String);

identifier!(DivisionCode {
    name: "division_code",
    chinese: "行政区划代码",
    source: "GB/T 2260",
    pattern: "^[0-9]{6}$",
    normalise: text::normalise,
    check: check,
});

impl DivisionCode {
    /// First two digits: the province.
    pub fn province(&self) -> &str {
        &self.0[..2]
    }

    /// First four digits: the prefecture; `xx00` for a province.
    pub fn prefecture(&self) -> &str {
        &self.0[..4]
    }

    /// Last two digits: the county; `00` for a province or prefecture.
    pub fn county(&self) -> &str {
        &self.0[4..]
    }

    /// Whether land is registered under this code: a county, or a city without counties.
    pub fn is_county_level(&self) -> bool {
        self.entry().is_county_level()
    }

    /// The row of the table of divisions.
    pub fn entry(&self) -> &'static Division {
        division(&self.0).expect("a code is in the table or it was refused")
    }
}

fn check(code: &str, _: Date) -> Result<Vec<Warning>, Refusal> {
    text::digits(code, 6)?;
    divisions::no_gap(code)?;
    if !divisions::is_province(&code[..2]) {
        let message = format!("no province begins with {}; check the first two digits", &code[..2]);
        return Err(Refusal::reference("PROVINCE_UNKNOWN", message));
    }
    let row = division(code).ok_or_else(|| {
        Refusal::reference(
            "UNKNOWN",
            format!("there is no division {code}, now or in the past; check the digits"),
        )
    })?;
    Ok(row.warning().into_iter().collect())
}
