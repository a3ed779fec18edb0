//! Unified social credit code of organisations.

use jiff::civil::Date;

use super::refusal::{Level, Refusal, Warning};
use super::{divisions, identifier, text};

/// Characters in the order of their values 0-30.
const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/// Assigned pairs of registration department and category.
const DEPARTMENTS: &str = "11 12 13 19 21 29 31 32 33 34 35 39 41 49 51 52 53 54 55 59 61 62 69 71 72 79 81 89 \
                           91 92 93 A1 A9 N1 N2 N3 N9 Y1";

/// Unified social credit code (统一社会信用代码), GB 32100-2015.
///
/// Shape: 18 of 0-9 A-Z without I O S V Z: department 1, category 1, division 6 digits (100000 is the state),
/// organisation code 9, check character. The check digit inside the organisation code (GB 11714) only warns
/// (`ORG_CODE_CHECK`), an abolished division too (`DIVISION_RETIRED`): codes do not change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uscc(String);

identifier!(Uscc {
    name: "uscc",
    chinese: "统一社会信用代码",
    source: "GB 32100-2015",
    pattern: "^[0-9A-HJ-NP-RTUW-Y]{2}[0-9]{6}[0-9A-HJ-NP-RTUW-Y]{10}$",
    normalise: text::normalise,
    check: check,
});

impl Uscc {
    /// Six digits of the division of registration; 100000 is the state.
    pub fn division(&self) -> &str {
        &self.0[2..8]
    }

    /// Organisation code (组织机构代码), nine characters.
    pub fn organisation_code(&self) -> &str {
        &self.0[8..17]
    }
}

fn check(code: &str, _: Date) -> Result<Vec<Warning>, Refusal> {
    text::plain(code)?;
    if code.contains('-') {
        return Err(Refusal::format(
            "SEPARATOR",
            "the code holds a hyphen; write its 18 characters together",
        ));
    }
    text::length(code, 18)?;
    if let Some(at) = code.chars().position(|c| c.is_ascii_lowercase()) {
        let message = format!("lower-case letter at position {}; letters are upper case", at + 1);
        return Err(Refusal::format("LOWERCASE", message));
    }
    text::charset(code, "digits and upper-case letters without I, O, S, V, Z", |c| ALPHABET.contains(c))?;
    let division = &code[2..8];
    if !text::is_digits(division) {
        return Err(Refusal::format("DIVISION_FORMAT", "positions 3-8 (division) are not six digits"));
    }
    if check_value(code) != value(code.as_bytes()[17]) {
        return Err(Refusal::new(
            Level::Checksum,
            "CHECKSUM",
            "the check character does not fit the other 17; compare the code with the document",
        ));
    }
    if !DEPARTMENTS.split_whitespace().any(|pair| pair == &code[..2]) {
        let message = format!("positions 1-2: {} is no assigned department and category", &code[..2]);
        return Err(Refusal::reference("DEPT_CATEGORY", message));
    }
    let mut warnings = Vec::new();
    if division != "100000" {
        warnings.extend(divisions::known(division)?.warning());
    }
    if code.as_bytes()[16] != organisation_check(&code[8..16]) {
        let message = "position 17 is not the check digit of the organisation code in positions 9-16";
        warnings.push(Warning::new("ORG_CODE_CHECK", message));
    }
    Ok(warnings)
}

fn value(character: u8) -> u32 {
    let at = ALPHABET.bytes().position(|c| c == character).expect("only letters of the alphabet were let in");
    u32::try_from(at).expect("the alphabet has 31 letters")
}

/// The value which the check character must have: weights are the powers of 3 modulo 31.
fn check_value(code: &str) -> u32 {
    let (sum, _) = code
        .bytes()
        .take(17)
        .fold((0, 1), |(sum, weight), character| ((sum + value(character) * weight) % 31, weight * 3 % 31));
    (31 - sum) % 31
}

/// Check character of GB 11714 over eight characters, where letters count A = 10 to Z = 35.
fn organisation_check(body: &str) -> u8 {
    const WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body
        .chars()
        .zip(WEIGHTS)
        .map(|(c, weight)| c.to_digit(36).expect("only digits and letters were let in") * weight)
        .sum();
    match 11 - sum % 11 {
        10 => b'X',
        11 => b'0',
        digit => b'0' + u8::try_from(digit).expect("one digit"),
    }
}
