//! Case number and the document number built on it: what every ruling and assistance notice is cited by.

use jiff::civil::Date;

use super::court_code::{self, CourtCode, SUPREME};
use super::legacy_case_number::LegacyCaseNumber;
use super::refusal::{Refusal, Warning};
use super::{Identifier, identifier, text};

/// Type codes known here. The table is not complete and grows: a code that is missing only raises the warning
/// `CASE_TYPE_UNKNOWN`.
const TYPES: &str = "执 执恢 执保 执异 执复 执监 执协 执请 执他 财保 民初 民终 民申 民再 民监 民抗 民特 民辖 民辖终 \
                     民撤 民督 民催 行初 行终 行申 行再 行监 行审 行赔初 行赔终 刑初 刑终 刑申 刑再 刑监 刑更 刑核 \
                     破 破申 破终 强清 清申 法赔 委赔 司救执";

/// Type codes of the cases that demands are issued in.
const ENFORCEMENT: [&str; 4] = ["执", "执恢", "执保", "财保"];

/// First year of the numbering scheme.
const FIRST_YEAR: i16 = 2016;

/// Case number (案号), 法〔2015〕137号 in force 2016-01-01, amended by 法〔2018〕335号.
///
/// Shape: `（` year `）` court code, optional 知, type code of 1-3 characters, serial without leading zero, `号`;
/// the brackets are full-width: （2024）京0105执1234号. Numbers of other than enforcement cases are case numbers
/// too; whoever takes a demand asks [`is_enforcement`](Self::is_enforcement) and gives notice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseNumber(String);

identifier!(CaseNumber {
    name: "case_number",
    chinese: "案号",
    source: "法〔2015〕137号, 法〔2018〕335号",
    pattern: r"^（[0-9]{4}）(最高法|[京津冀晋内辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川黔云藏陕甘青宁新兵军]([0-9]{2}|[0-9]{4})?)知?[\u4e00-\u4e4a\u4e4c-\u53f6\u53f8-\u5b56\u5b58-\u7b2b\u7b2d-\u9fff]{1,3}[1-9][0-9]{0,8}号$",
    normalise: text::normalise_bracketed,
    check: check,
});

impl CaseNumber {
    /// Year in which the case was accepted.
    pub fn year(&self) -> i16 {
        self.parts().year
    }

    /// Code of the court.
    pub fn court(&self) -> CourtCode {
        CourtCode::checked(self.parts().court)
    }

    /// Type code, such as 执 or 民初, without the specialised-trial character.
    pub fn case_type(&self) -> &str {
        self.parts().kind
    }

    /// Serial number within court, year and type.
    pub fn serial(&self) -> u32 {
        self.parts().serial.parse().expect("at most nine digits were let in")
    }

    /// Whether demands are issued in cases of this type: 执, 执恢, 执保, 财保.
    pub fn is_enforcement(&self) -> bool {
        ENFORCEMENT.contains(&self.case_type())
    }

    fn parts(&self) -> Parts<'_> {
        split(&self.0).expect("the text was split when it was parsed")
    }
}

/// Document number (文书文号): the number printed on one ruling of a case.
///
/// Shape: a case number, or a case number followed by 之 and a Chinese numeral from 一 to 九十九:
/// （2024）京0105执1234号之一.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentNumber(String);

identifier!(DocumentNumber {
    name: "document_number",
    chinese: "文书文号",
    source: "法〔2015〕137号 with the suffix of court practice",
    pattern: r"^（[0-9]{4}）(最高法|[京津冀晋内辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川黔云藏陕甘青宁新兵军]([0-9]{2}|[0-9]{4})?)知?[\u4e00-\u4e4a\u4e4c-\u53f6\u53f8-\u5b56\u5b58-\u7b2b\u7b2d-\u9fff]{1,3}[1-9][0-9]{0,8}号(之([一二三四五六七八九]?十)?[一二三四五六七八九]?)?$",
    normalise: text::normalise_bracketed,
    check: check_document,
});

impl DocumentNumber {
    /// The case the document belongs to.
    pub fn case_number(&self) -> CaseNumber {
        CaseNumber(document_parts(&self.0).0.to_owned())
    }

    /// Which document of the case it is: 1 for 之一; `None` without a suffix.
    pub fn sequence(&self) -> Option<u8> {
        document_parts(&self.0).1.and_then(numeral)
    }
}

impl From<CaseNumber> for DocumentNumber {
    fn from(case: CaseNumber) -> Self {
        Self(case.0)
    }
}

struct Parts<'a> {
    year: i16,
    court: &'a str,
    kind: &'a str,
    serial: &'a str,
}

fn check(number: &str, as_of: Date) -> Result<Vec<Warning>, Refusal> {
    let parts = split(number).map_err(|refusal| match refusal.code {
        "SUFFIX_NOT_ALLOWED" => {
            refusal.or_as(DocumentNumber::TYPE, DocumentNumber::parse_at(number, as_of).is_ok())
        }
        "LEGACY_FORMAT" => {
            refusal.or_as(LegacyCaseNumber::TYPE, LegacyCaseNumber::parse_at(number, as_of).is_ok())
        }
        _ => refusal,
    })?;
    if parts.year < FIRST_YEAR {
        return Err(Refusal::semantic(
            "YEAR_BEFORE_SCHEME",
            "this form of number began in 2016; check the year, or cite the older number as it was written",
        ));
    }
    court_code::semantic(parts.court.trim_start_matches(|c: char| !c.is_ascii_digit()))?;
    text::not_future(parts.year, as_of)?;
    let known = TYPES.split_whitespace().any(|kind| kind == parts.kind);
    let warning = (!known).then(|| {
        Warning::new("CASE_TYPE_UNKNOWN", format!("type code {} is not in the table; check it", parts.kind))
    });
    Ok(warning.into_iter().collect())
}

/// Splits a number and checks its written form, nothing else.
fn split(number: &str) -> Result<Parts<'_>, Refusal> {
    text::plain(number)?;
    let text::Bracketed { before, year, after } = text::bracketed(number)?;
    if !before.is_empty() {
        return Err(Refusal::format("STRUCTURE", "a case number begins with the bracket around the year"));
    }
    if after.contains("字第") {
        return Err(Refusal::format(
            "LEGACY_FORMAT",
            "字第 belongs to numbers before 2016; since then the serial follows the type code directly",
        ));
    }
    let Some((body, suffix)) = after.split_once('号') else {
        return Err(Refusal::format("HAO_MISSING", "the number does not end in 号"));
    };
    if !suffix.is_empty() {
        return Err(Refusal::format(
            "SUFFIX_NOT_ALLOWED",
            "something follows 号; 之一 and the like belong to the document number",
        ));
    }
    let (court, tail) = split_court(body)?;
    let (kind, serial) = tail.split_at(tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len()));
    let kind = kind.strip_prefix('知').filter(|rest| !rest.is_empty()).unwrap_or(kind);
    let shaped = kind.chars().all(|c| text::is_han(c) && !"字第之".contains(c));
    if !shaped || !(1..=3).contains(&kind.chars().count()) {
        return Err(Refusal::format(
            "STRUCTURE",
            "between court code and serial stands a type code of one to three Chinese characters, such as 执",
        ));
    }
    match serial {
        "" => Err(Refusal::format("NUMBER_MISSING", "the serial before 号 is missing")),
        _ if !text::is_digits(serial) => {
            Err(Refusal::format("STRUCTURE", "between type code and 号 stand digits only"))
        }
        _ if serial.starts_with('0') => Err(Refusal::format(
            "LEADING_ZERO",
            "the serial begins with 0; it is a natural number without zeros",
        )),
        _ if serial.len() > 9 => {
            Err(Refusal::format("NUMBER_FORMAT", "the serial has more than nine digits"))
        }
        _ => Ok(Parts { year, court, kind, serial }),
    }
}

fn split_court(body: &str) -> Result<(&str, &str), Refusal> {
    if body.starts_with(SUPREME) {
        return Ok(body.split_at(SUPREME.len()));
    }
    let mut characters = body.chars();
    let first = characters.next().unwrap_or(' ');
    let rest = characters.as_str();
    if !court_code::is_province(first) {
        return Err(if rest.starts_with(court_code::is_province) {
            Refusal::format(
                "STRUCTURE",
                "the court code begins with one province character, not with a place name",
            )
        } else {
            Refusal::format(
                "COURT_CODE",
                "no court code after the year; write a province character and digits (内 for Inner Mongolia)",
            )
        });
    }
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    if !matches!(digits, 0 | 2 | 4) {
        let message =
            format!("{digits} digits follow the province character; court codes have none, two or four");
        return Err(Refusal::format("COURT_CODE", message));
    }
    Ok(body.split_at(first.len_utf8() + digits))
}

fn check_document(number: &str, as_of: Date) -> Result<Vec<Warning>, Refusal> {
    let (case, suffix) = document_parts(number);
    text::plain(number)?;
    if suffix.is_some_and(|suffix| numeral(suffix).is_none()) {
        // A fault in the case number comes first, as it does in reading order.
        split(case)?;
        let message = "after 号 stands 之 and a Chinese numeral from 一 to 九十九, or nothing";
        return Err(Refusal::format("SUFFIX_FORMAT", message));
    }
    check(case, as_of)
}

/// The case number up to and with the first 号, and what follows it.
fn document_parts(number: &str) -> (&str, Option<&str>) {
    match number.find('号') {
        Some(at) => {
            let (case, suffix) = number.split_at(at + '号'.len_utf8());
            (case, Some(suffix).filter(|suffix| !suffix.is_empty()))
        }
        None => (number, None),
    }
}

/// Value of 之一 to 之九十九.
fn numeral(suffix: &str) -> Option<u8> {
    let digit =
        |c: char| "一二三四五六七八九".chars().zip(1..).find_map(|(d, value)| (d == c).then_some(value));
    let characters: Vec<char> = suffix.strip_prefix('之')?.chars().collect();
    match characters[..] {
        ['十'] => Some(10),
        [unit] => digit(unit),
        ['十', unit] => Some(10 + digit(unit)?),
        [ten, '十'] => Some(10 * digit(ten)?),
        [ten, '十', unit] => Some(10 * digit(ten)? + digit(unit)?),
        _ => None,
    }
}
