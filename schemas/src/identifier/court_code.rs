//! Court code, the part of a case number that names the court.

use jiff::civil::Date;

use super::refusal::{Refusal, Warning};
use super::text::PROVINCES;
use super::{identifier, text};

/// Level of a court as its code shows it.
///
/// Special courts follow the number of digits too; which court is above a given one is read from a court table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CourtLevel {
    /// 最高人民法院.
    Supreme,
    /// A province character alone.
    High,
    /// Two digits.
    Intermediate,
    /// Four digits.
    Basic,
}

/// Court code (法院代字), 法〔2015〕137号 as amended by 法〔2018〕335号.
///
/// Shape: `最高法`, or a province character (内 for Inner Mongolia, 兵 and 军 besides) followed by nothing, two or
/// four digits. The digits are not always those of a division code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CourtCode(String);

identifier!(CourtCode {
    name: "court_code",
    chinese: "法院代字",
    source: "法〔2015〕137号, 法〔2018〕335号",
    pattern: "^(最高法|[京津冀晋内辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川黔云藏陕甘青宁新兵军]([0-9]{2}|[0-9]{4})?)$",
    normalise: text::normalise,
    check: check,
});

impl CourtCode {
    /// For a code whose form a case number has checked already.
    pub(super) fn checked(code: &str) -> Self {
        Self(code.to_owned())
    }

    /// Level of the court.
    pub fn level(&self) -> CourtLevel {
        match self.digits().len() {
            _ if self.0 == SUPREME => CourtLevel::Supreme,
            0 => CourtLevel::High,
            2 => CourtLevel::Intermediate,
            _ => CourtLevel::Basic,
        }
    }

    /// The province character; `None` for the Supreme People's Court.
    pub fn province(&self) -> Option<char> {
        self.0.chars().next().filter(|_| self.0 != SUPREME)
    }

    /// The digits after the province character: none, two or four.
    pub fn digits(&self) -> &str {
        self.0.trim_start_matches(|c: char| !c.is_ascii_digit())
    }
}

pub(super) const SUPREME: &str = "最高法";

/// Whether courts of this character exist.
pub(super) fn is_province(c: char) -> bool {
    PROVINCES.contains(c) || "内兵军".contains(c)
}

/// Refuses codes whose first pair of digits is 00. Code: `DIGITS_ZERO`.
pub(super) fn semantic(digits: &str) -> Result<(), Refusal> {
    if digits.starts_with("00") {
        return Err(Refusal::semantic(
            "DIGITS_ZERO",
            "the digits of the court code begin with 00; courts begin at 01",
        ));
    }
    Ok(())
}

fn check(code: &str, _: Date) -> Result<Vec<Warning>, Refusal> {
    text::plain(code)?;
    let mut rest = code.chars();
    let Some(first) = rest.next() else {
        return Err(Refusal::format("LENGTH", "the court code is empty"));
    };
    let digits = rest.as_str();
    if let Some(after) = code.strip_prefix(SUPREME) {
        return match after {
            "" => Ok(Vec::new()),
            _ if text::is_digits(after) => {
                Err(Refusal::format("SUPREME_WITH_DIGITS", "最高法 is followed by digits; it stands alone"))
            }
            _ => Err(Refusal::format("PROVINCE", "write 最高法 alone, or one province character and digits")),
        };
    }
    if !text::is_han(first) {
        return Err(Refusal::format(
            "CHARSET",
            "the code does not begin with a Chinese character, such as 京",
        ));
    }
    if !is_province(first) {
        return Err(Refusal::format(
            "PROVINCE",
            "the first character is not that of a province's courts (内 for Inner Mongolia, 黔 for Guizhou)",
        ));
    }
    text::charset(digits, "after the province character only digits", |c| c.is_ascii_digit())?;
    if !matches!(digits.len(), 0 | 2 | 4) {
        let message =
            format!("{} digits after the province character; courts have none, two or four", digits.len());
        return Err(Refusal::format("DIGITS", message));
    }
    semantic(digits)?;
    Ok(Vec::new())
}
