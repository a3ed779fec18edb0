//! Case numbers from before 2016, which still live on in seizures that were registered under them.

use jiff::civil::Date;

use super::case_number::CaseNumber;
use super::refusal::{Accepted, Refusal, Warning};
use super::{Identifier, identifier, text, through_text};

/// Last year in which numbers of this form were given.
const LAST_YEAR: i16 = 2015;

/// Case number of the scheme before 2016 (旧案号); allowed only as the number of an original seizure.
///
/// Shape: `（` year `）` short name of court and type, `字第`, serial (zeros may lead), `号`: （2015）朝执字第01234号.
/// Source: practice before 法〔2015〕137号.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegacyCaseNumber(String);

identifier!(LegacyCaseNumber {
    name: "legacy_case_number",
    chinese: "旧案号",
    source: "practice before 法〔2015〕137号",
    pattern: r"^（[0-9]{4}）[\u4e00-\u9fff]{2,14}字第[0-9]{1,8}号$",
    normalise: text::normalise_bracketed,
    check: check,
});

impl LegacyCaseNumber {
    /// Year in which the case was accepted.
    pub fn year(&self) -> i16 {
        text::bracketed(&self.0).expect("the text was split when it was parsed").year
    }
}

/// Case number of the original seizure (原查封案号): a number of today's form, or one from before 2016.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OriginalCaseNumber {
    /// A number of the scheme in force since 2016.
    Current(CaseNumber),
    /// A number from before.
    Legacy(LegacyCaseNumber),
}

impl AsRef<str> for OriginalCaseNumber {
    fn as_ref(&self) -> &str {
        match self {
            Self::Current(number) => number.as_ref(),
            Self::Legacy(number) => number.as_ref(),
        }
    }
}

impl Identifier for OriginalCaseNumber {
    const TYPE: &'static str = "original_case_number";
    const CHINESE: &'static str = "原查封案号";
    const SOURCE: &'static str = "法〔2015〕137号 and the practice before it";
    const PATTERN: &'static str = r"^（[0-9]{4}）((最高法|[京津冀晋内辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川黔云藏陕甘青宁新兵军]([0-9]{2}|[0-9]{4})?)知?[\u4e00-\u4e4a\u4e4c-\u53f6\u53f8-\u5b56\u5b58-\u7b2b\u7b2d-\u9fff]{1,3}[1-9][0-9]{0,8}号|[\u4e00-\u9fff]{2,14}字第[0-9]{1,8}号)$";

    fn parse_at(text: &str, as_of: Date) -> Result<Accepted<Self>, Refusal> {
        // 字第 occurs in one of the two forms only, so the refusal is that of the form which was meant.
        if text.contains("字第") {
            let Accepted { value, warnings } = LegacyCaseNumber::parse_at(text, as_of)?;
            return Ok(Accepted { value: Self::Legacy(value), warnings });
        }
        let Accepted { value, warnings } = CaseNumber::parse_at(text, as_of)?;
        Ok(Accepted { value: Self::Current(value), warnings })
    }

    fn normalise(text: &str) -> String {
        text::normalise_bracketed(text)
    }
}

through_text!(OriginalCaseNumber);

impl From<CaseNumber> for OriginalCaseNumber {
    fn from(number: CaseNumber) -> Self {
        Self::Current(number)
    }
}

impl From<LegacyCaseNumber> for OriginalCaseNumber {
    fn from(number: LegacyCaseNumber) -> Self {
        Self::Legacy(number)
    }
}

fn check(number: &str, as_of: Date) -> Result<Vec<Warning>, Refusal> {
    text::plain(number)?;
    let text::Bracketed { before, year, after } = text::bracketed(number)?;
    let structure =
        || Refusal::format("STRUCTURE", "an old case number reads （year）court and type字第number号");
    // Asked only without 字第: with it, the case number's parser asks back here.
    let (name, rest) = after
        .split_once("字第")
        .ok_or_else(|| structure().or_as(CaseNumber::TYPE, CaseNumber::parse_at(number, as_of).is_ok()))?;
    let serial = rest.strip_suffix('号').ok_or_else(structure)?;
    if !before.is_empty() || !(2..=14).contains(&name.chars().count()) || !name.chars().all(text::is_han) {
        return Err(structure());
    }
    if !text::is_digits(serial) || serial.len() > 8 {
        return Err(Refusal::format("NUMBER_FORMAT", "between 字第 and 号 stand one to eight digits"));
    }
    if year > LAST_YEAR {
        return Err(Refusal::semantic(
            "YEAR_AFTER_SCHEME",
            "this form of number ended in 2015; check the year, or write the number in today's form",
        ));
    }
    if year < 1949 {
        return Err(Refusal::semantic("YEAR_BEFORE_SCHEME", "the year lies before 1949; check the year"));
    }
    if serial.bytes().all(|b| b == b'0') {
        return Err(Refusal::semantic("NUMBER_ZERO", "the serial is zero; it begins at 1"));
    }
    Ok(Vec::new())
}
