//! Text rules shared by all identifiers: what the lenient parser repairs, and the checks every strict parser
//! begins with. Repairs never guess a character: the letter O stays an O and hyphens stay where they are.

use super::refusal::Refusal;

/// The province characters shared by certificate numbers and court codes. Inner Mongolia is in neither: it is 蒙 on
/// certificates and 内 in court codes.
pub(super) const PROVINCES: &str = "京津冀晋辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川黔云藏陕甘青宁新";

/// Drops white space, turns full-width digits and letters into ASCII and raises ASCII letters to upper case.
pub(super) fn normalise(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| half_width(c).unwrap_or(c).to_ascii_uppercase())
        .collect()
}

/// As [`normalise`], and turns ASCII round brackets into the full-width ones of case and certificate numbers.
pub(super) fn normalise_bracketed(text: &str) -> String {
    normalise(text).replace('(', "（").replace(')', "）")
}

fn half_width(c: char) -> Option<char> {
    match c {
        '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => char::from_u32(u32::from(c) - 0xFEE0),
        _ => None,
    }
}

/// Refuses white space and full-width digits or letters, in this order.
pub(super) fn plain(text: &str) -> Result<(), Refusal> {
    if let Some(at) = text.chars().position(char::is_whitespace) {
        return Err(Refusal::format(
            "WHITESPACE",
            format!("white space at position {}; write the value without any", at + 1),
        ));
    }
    if let Some(at) = text.chars().position(|c| half_width(c).is_some()) {
        return Err(Refusal::format(
            "FULLWIDTH",
            format!("full-width character at position {}; use ASCII digits and letters", at + 1),
        ));
    }
    Ok(())
}

/// Refuses a text that has not exactly `expected` characters.
pub(super) fn length(text: &str, expected: usize) -> Result<(), Refusal> {
    match text.chars().count() {
        count if count == expected => Ok(()),
        count => Err(Refusal::format(
            "LENGTH",
            format!("{count} characters instead of {expected}; check that nothing was cut off or added"),
        )),
    }
}

/// Refuses the first character for which `allowed` is false; `hint` says what belongs there.
pub(super) fn charset(text: &str, hint: &str, allowed: impl Fn(char) -> bool) -> Result<(), Refusal> {
    match text.chars().position(|c| !allowed(c)) {
        None => Ok(()),
        Some(at) => Err(Refusal::format("CHARSET", format!("character {} is not allowed: {hint}", at + 1))),
    }
}

/// [`plain`], [`length`] and digits only.
pub(super) fn digits(text: &str, expected: usize) -> Result<(), Refusal> {
    plain(text)?;
    length(text, expected)?;
    charset(text, "only the digits 0-9", |c| c.is_ascii_digit())
}

/// A Chinese character of the basic block, which holds every character these numbers use.
pub(super) fn is_han(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

/// Whether the text is one or more ASCII digits.
pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The year of a bracketed number: `before（2024）after`.
pub(super) struct Bracketed<'a> {
    pub(super) before: &'a str,
    pub(super) year: i16,
    pub(super) after: &'a str,
}

/// Splits at the full-width brackets around the year. Codes: `BRACKET`, `YEAR_FORMAT`.
pub(super) fn bracketed(text: &str) -> Result<Bracketed<'_>, Refusal> {
    let refusal = || {
        Refusal::format(
            "BRACKET",
            "the year does not stand between full-width round brackets; write （2024）",
        )
    };
    let (before, rest) = text.split_once('（').ok_or_else(refusal)?;
    let (year, after) = rest.split_once('）').ok_or_else(refusal)?;
    let year = match year.parse() {
        Ok(number) if year.len() == 4 && is_digits(year) => number,
        _ => return Err(Refusal::format("YEAR_FORMAT", "the year is not four digits; write （2024）")),
    };
    Ok(Bracketed { before, year, after })
}

/// Refuses a year after the reference date.
pub(super) fn not_future(year: i16, as_of: jiff::civil::Date) -> Result<(), Refusal> {
    if year > as_of.year() {
        return Err(Refusal::reference(
            "YEAR_FUTURE",
            format!("the year {year} lies after {as_of}; check the year"),
        ));
    }
    Ok(())
}

/// A date written as digits. The year 0 is refused like an impossible day. Code: `DATE_INVALID`.
pub(super) fn date(year: &str, month: &str, day: &str) -> Result<jiff::civil::Date, Refusal> {
    let parsed = match (year.parse::<i16>(), month.parse(), day.parse()) {
        (Ok(year), Ok(month), Ok(day)) if year > 0 => jiff::civil::Date::new(year, month, day).ok(),
        _ => None,
    };
    parsed
        .ok_or_else(|| Refusal::semantic("DATE_INVALID", "the digits of the date are no day of the calendar"))
}
