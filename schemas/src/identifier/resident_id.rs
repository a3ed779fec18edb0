//! Identity numbers of persons. They are personal data: `Debug` hides them, and no refusal repeats them.

use std::fmt;

use jiff::civil::Date;

use super::refusal::{Level, Refusal, Warning};
use super::{Identifier, divisions, identifier, text};

/// Nobody who was given a number when numbers were introduced was born before.
const FIRST_YEAR: i16 = 1800;

/// Citizen identity number (公民身份号码), GB 11643.
///
/// Shape: 17 digits (region 6, birth date 8, sequence 3) and a check character 0-9 or X. Regions that were
/// abolished are normal. 810000, 820000 and 830000 begin the numbers of residence permits of Hong Kong, Macao and
/// Taiwan residents, which follow the same rule.
///
/// `Debug` shows the region only, so that a logged structure does not leak the number. `Display` and serde write
/// the whole number: they are for messages and forms, never for logs. Real numbers with a wrong check character
/// exist; a caller that must take them looks at [`Level::Checksum`] and keeps the received text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResidentId(String);

identifier!(ResidentId {
    name: "resident_id",
    chinese: "公民身份号码",
    source: "GB 11643-1999",
    pattern: "^[0-9]{17}[0-9X]$",
    normalise: text::normalise,
    check: check,
});

impl ResidentId {
    /// Six digits of the region of first registration; may be abolished.
    pub fn region(&self) -> &str {
        &self.0[..6]
    }
}

impl fmt::Debug for ResidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResidentId({}************)", self.region())
    }
}

/// Citizen identity number of the first generation (15位公民身份号码), GB 11643-1989.
///
/// Shape: 15 digits (region 6, birth date yyMMdd, sequence 3) without a check character. Met as the former number
/// of a person. `Debug` shows the region only, as for [`ResidentId`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResidentId15(String);

identifier!(ResidentId15 {
    name: "resident_id_15",
    chinese: "15位公民身份号码",
    source: "GB 11643-1989",
    pattern: "^[0-9]{15}$",
    normalise: text::normalise,
    check: check_15,
});

impl ResidentId15 {
    /// The 18-digit number of the same person: 19 after position 6, check character appended.
    pub fn to_resident_id(&self) -> ResidentId {
        ResidentId(widen(&self.0))
    }
}

impl fmt::Debug for ResidentId15 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResidentId15({}*********)", &self.0[..6])
    }
}

fn check(id: &str, as_of: Date) -> Result<Vec<Warning>, Refusal> {
    text::plain(id)?;
    if check_15(id, as_of).is_ok() {
        let message = "this is a number of the 15-digit form; use the 18-digit number that it converts to";
        let refusal = Refusal::format("LEGACY_15", message).or_as(ResidentId15::TYPE, true);
        return Err(Refusal { converts_to: Some(widen(id)), ..refusal });
    }
    text::length(id, 18)?;
    if id.strip_suffix('x').is_some_and(text::is_digits) {
        return Err(Refusal::format("LOWERCASE", "the check character x is lower case; write X"));
    }
    let (body, last) = id.split_at(id.char_indices().nth(17).map_or(0, |(at, _)| at));
    text::charset(body, "positions 1-17 are digits", |c| c.is_ascii_digit())?;
    if !matches!(last.as_bytes(), [b'0'..=b'9' | b'X']) {
        return Err(Refusal::format(
            "CHARSET",
            "character 18 is not allowed: the check character is 0-9 or X",
        ));
    }
    region(id)?;
    let birth = born(&id[6..10], &id[10..12], &id[12..14])?;
    if !id.ends_with(check_character(body)) {
        return Err(Refusal::new(
            Level::Checksum,
            "CHECKSUM",
            "the check character does not fit the 17 digits; compare the number with the document",
        ));
    }
    if birth > as_of {
        let message = format!("the birth date lies after {as_of}; check positions 7-14");
        return Err(Refusal::reference("DATE_FUTURE", message));
    }
    Ok(Vec::new())
}

fn check_15(id: &str, _: Date) -> Result<Vec<Warning>, Refusal> {
    text::digits(id, 15)?;
    region(id)?;
    born(&format!("19{}", &id[6..8]), &id[8..10], &id[10..12])?;
    Ok(Vec::new())
}

/// Refuses regions outside the provinces. Regions below are not looked up: old ones are missing in every table.
fn region(id: &str) -> Result<(), Refusal> {
    let known = match &id[..2] {
        "81" | "82" | "83" => &id[2..6] == "0000",
        two => divisions::is_province(two),
    };
    if !known {
        let message = "positions 1-6 begin with no province and with no residence permit region";
        return Err(Refusal::semantic("REGION_PREFIX", message));
    }
    Ok(())
}

fn born(year: &str, month: &str, day: &str) -> Result<Date, Refusal> {
    let birth = text::date(year, month, day)?;
    if birth.year() < FIRST_YEAR {
        return Err(Refusal::semantic(
            "DATE_INVALID",
            "the year of birth lies before 1800; check positions 7-10",
        ));
    }
    Ok(birth)
}

fn widen(id: &str) -> String {
    let body = format!("{}19{}", &id[..6], &id[6..]);
    let check = check_character(&body);
    body + &check.to_string()
}

/// ISO 7064 MOD 11-2 over 17 digits.
fn check_character(body: &str) -> char {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHARACTERS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];
    let sum: u32 = body.bytes().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    CHARACTERS[(sum % 11) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_number() {
        let id: ResidentId = "110105190303079514".parse().unwrap();
        assert_eq!(format!("{id:?}"), "ResidentId(110105************)");
        assert_eq!(id.to_string(), "110105190303079514");
        let old: ResidentId15 = "110105030307951".parse().unwrap();
        assert!(!format!("{old:?}").contains("030307"));
        assert_eq!(old.to_resident_id(), id);
    }

    #[test]
    fn refusals_hide_the_number() {
        for text in ["110105030307951", "110105190303079510", "110105190302309517", "110105209903079515"] {
            let refusal = text.parse::<ResidentId>().unwrap_err();
            let shown = format!("{refusal} {refusal:?}");
            assert!(!shown.contains(&text[6..]) && !shown.contains("19030307"), "{shown}");
        }
    }

    #[test]
    fn permits_of_other_regions_have_fixed_digits() {
        assert_eq!("81010019050505951X".parse::<ResidentId>().unwrap_err().code, "REGION_PREFIX");
    }
}
