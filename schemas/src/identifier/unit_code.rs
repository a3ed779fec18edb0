//! Real estate unit code, the identifier a seizure is aimed with.

use jiff::civil::Date;

use super::division_code::DivisionCode;
use super::refusal::{Refusal, Warning};
use super::{divisions, identifier, text};

/// Real estate unit code (不动产单元代码), GB/T 37346-2019.
///
/// Shape: 28 upper-case characters without a check digit: division 6, cadastral district 3, sub-district 3,
/// ownership letter, use letter, parcel sequence 5, fixture letter, unit 8. Printed in four groups, stored without
/// blanks. A retired division is accepted with `DIVISION_RETIRED`, a statistical one with
/// `DIVISION_STATISTICAL_ONLY`, a code of the state's own register (100000, 86…) with `DIVISION_SPECIAL`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitCode(String);

identifier!(UnitCode {
    name: "bdcdyh",
    chinese: "不动产单元代码",
    source: "GB/T 37346-2019",
    pattern: "^[0-9]{12}[GJZ][ABSXCDEFLNHGWY][0-9]{5}[FLQW][0-9]{8}$",
    normalise: text::normalise,
    check: check,
});

impl UnitCode {
    /// First two digits: the province, the first key of routing.
    pub fn province(&self) -> &str {
        &self.0[..2]
    }

    /// First six digits: the county-level division, which selects the registry through a table.
    pub fn division(&self) -> &str {
        &self.0[..6]
    }

    /// The division as a parsed code; `None` for the special codes of the state's own register.
    pub fn division_code(&self) -> Option<DivisionCode> {
        self.division().parse().ok()
    }

    /// Characters 1-19: the parcel (宗地代码) that the unit belongs to.
    pub fn parcel(&self) -> &str {
        &self.0[..19]
    }

    /// Character 20: `F` buildings, `L` trees, `Q` other, `W` none.
    pub fn fixture(&self) -> char {
        char::from(self.0.as_bytes()[19])
    }

    /// The four groups printed on certificates, separated by blanks.
    pub fn printed(&self) -> String {
        format!("{} {} {} {}", &self.0[..6], &self.0[6..12], &self.0[12..19], &self.0[19..])
    }
}

fn check(code: &str, _: Date) -> Result<Vec<Warning>, Refusal> {
    format(code)?;
    semantic(code)?;
    reference(&code[..6])
}

fn format(code: &str) -> Result<(), Refusal> {
    text::plain(code)?;
    if code.contains(['-', '_', '/', '.']) {
        return Err(Refusal::format(
            "SEPARATOR",
            "the code holds a separator; write its 28 characters together",
        ));
    }
    text::length(code, 28)?;
    if let Some(at) = code.chars().position(|c| c.is_ascii_lowercase()) {
        let message = format!("lower-case letter at position {}; letters are upper case", at + 1);
        return Err(Refusal::format("LOWERCASE", message));
    }
    let letters: Vec<char> = code.chars().collect();
    let digits = |from: usize, to: usize| letters[from - 1..to].iter().all(char::is_ascii_digit);
    let refuse = |code, message: &str| Err(Refusal::format(code, message));
    if !digits(1, 6) {
        return refuse("DIVISION_FORMAT", "positions 1-6 (division) are not six digits");
    }
    if !digits(7, 12) {
        return refuse(
            "CADASTRAL_FORMAT",
            "positions 7-12 (cadastral district and sub-district) are not six digits",
        );
    }
    if !"GJZ".contains(letters[12]) {
        return refuse("OWNERSHIP_CODE", "position 13 (ownership) is not G, J or Z");
    }
    if !"ABSXCDEFLNHGWY".contains(letters[13]) {
        return refuse("FEATURE_CODE", "position 14 (use) is not one of A B S X C D E F L N H G W Y");
    }
    if !digits(15, 19) {
        return refuse("PARCEL_SEQ_FORMAT", "positions 15-19 (parcel sequence) are not five digits");
    }
    if !"FLQW".contains(letters[19]) {
        return refuse("FIXTURE_CODE", "position 20 (fixture) is not F, L, Q or W");
    }
    if !digits(21, 28) {
        return refuse("UNIT_FORMAT", "positions 21-28 (unit) are not eight digits");
    }
    Ok(())
}

fn semantic(code: &str) -> Result<(), Refusal> {
    let refuse = |code, message: &str| Err(Refusal::semantic(code, message));
    divisions::no_gap(&code[..6])?;
    if matches!(&code[12..14], "GA" | "JH" | "JG") {
        return refuse(
            "OWNERSHIP_COMBINATION",
            "positions 13-14: this use cannot go with this owner (GA, JH, JG)",
        );
    }
    if &code[14..19] == "00000" {
        return refuse("PARCEL_SEQ_ZERO", "positions 15-19: parcel sequences begin at 00001");
    }
    let (fixture, unit) = code[19..].split_at(1);
    match fixture {
        "W" if unit != "00000000" => {
            refuse("UNIT_NOT_ZERO_FOR_W", "positions 21-28: W (no fixture) is followed by eight zeros")
        }
        "L" | "Q" if unit == "00000000" => {
            refuse("FIXTURE_SEQ_ZERO", "positions 21-28: fixture sequences begin at 00000001")
        }
        "F" if &unit[..4] == "0000" => {
            refuse("BUILDING_ZERO", "positions 21-24: building numbers begin at 0001")
        }
        "F" if &unit[4..] == "0000" => refuse("UNIT_ZERO", "positions 25-28: unit numbers begin at 0001"),
        _ => Ok(()),
    }
}

fn reference(division: &str) -> Result<Vec<Warning>, Refusal> {
    // Certainty of these two is low: they appear in units that the state registers itself.
    if division == "100000" || division.starts_with("86") {
        let message =
            format!("division {division} belongs to the state's own register; check who registers the unit");
        return Ok(vec![Warning::new("DIVISION_SPECIAL", message)]);
    }
    let row = divisions::known(division)?;
    if !row.is_county_level() {
        let message =
            format!("division {division} is no county; unit codes begin with a county-level division");
        return Err(Refusal::reference("DIVISION_LEVEL", message));
    }
    Ok(row.warning().into_iter().collect())
}
