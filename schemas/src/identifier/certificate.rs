//! Numbers of certificates: ownership, proof of registration, and those from before the unified registry.

use jiff::civil::Date;

use super::refusal::{Refusal, Warning};
use super::text::PROVINCES;
use super::{Identifier, identifier, text};

/// First year of certificates of the unified registry.
const FIRST_YEAR: i16 = 2015;

/// Words that certificates from before the unified registry are known by.
const OLD_TITLES: [&str; 12] = [
    "房权证",
    "房产证",
    "房地证",
    "房地产证",
    "房地权",
    "房字第",
    "国用",
    "集用",
    "集有",
    "林证",
    "林权证",
    "海域",
];

/// Number of an ownership certificate (不动产权证书号), as printed on the unified certificates since 2015.
///
/// Shape: province character (蒙 for Inner Mongolia) `（` year `）` place `不动产权第` number `号`, full-width brackets;
/// the number has seven digits, six to nine are accepted with the warning `NUMBER_WIDTH`. Several certificates are a
/// list of numbers, never one text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateNumber(String);

identifier!(CertificateNumber {
    name: "bdcqzh",
    chinese: "不动产权证书号",
    source: "form of the unified certificates, in use since 2015",
    pattern: r"^[京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川黔云藏陕甘青宁新]（[0-9]{4}）[\u4e00-\u9fff]{1,20}不动产权第[0-9]{6,9}号$",
    normalise: text::normalise_bracketed,
    check: check_ownership,
});

impl CertificateNumber {
    /// Year of issue.
    pub fn year(&self) -> i16 {
        text::bracketed(&self.0).expect("the text was split when it was parsed").year
    }
}

/// Number of a certificate of proof of registration (不动产登记证明号), as printed on the unified certificates since 2015.
///
/// Shape: as [`CertificateNumber`] with `不动产证明第`. It proves mortgages, notices and the like, not ownership.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateOfProof(String);

identifier!(CertificateOfProof {
    name: "bdcdjzmh",
    chinese: "不动产登记证明号",
    source: "form of the unified certificates, in use since 2015",
    pattern: r"^[京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川黔云藏陕甘青宁新]（[0-9]{4}）[\u4e00-\u9fff]{1,20}不动产证明第[0-9]{6,9}号$",
    normalise: text::normalise_bracketed,
    check: check_proof,
});

/// Number of a house, land, forest or sea certificate from before the unified registry (旧证号).
///
/// Shape: free text of 4-200 characters with a number in it, as printed. Accepted and marked with the warning
/// `LEGACY_CERTIFICATE`: nothing but the registry's archive can check it. The lenient parser only trims it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegacyCertificate(String);

identifier!(LegacyCertificate {
    name: "legacy_certificate",
    chinese: "旧证号",
    source: "practice before the unified registry",
    pattern: r"^\S.{2,198}\S$",
    normalise: trim,
    check: check_legacy,
});

fn trim(text: &str) -> String {
    text.trim().to_owned()
}

fn check_legacy(number: &str, _: Date) -> Result<Vec<Warning>, Refusal> {
    if number.trim() != number {
        return Err(Refusal::format("WHITESPACE", "white space before or after the number; remove it"));
    }
    if !(4..=200).contains(&number.chars().count()) {
        return Err(Refusal::format("LENGTH", "the number of an old certificate has 4 to 200 characters"));
    }
    if number.chars().any(char::is_control) {
        return Err(Refusal::format("CHARSET", "the number holds a control character; write it in one line"));
    }
    if !number.chars().any(|c| c.is_numeric() || "一二三四五六七八九".contains(c)) {
        return Err(Refusal::format(
            "NUMBER_MISSING",
            "there is no digit in the number; write it as printed",
        ));
    }
    if number.contains("不动产权第") || number.contains("不动产证明第") {
        return Err(Refusal::semantic(
            "UNIFIED_CERTIFICATE",
            "this is a number of the unified registry; give it as such, so that it is checked",
        ));
    }
    let message = "a certificate from before the unified registry; only the registry's archive can check it";
    Ok(vec![Warning::new("LEGACY_CERTIFICATE", message)])
}

fn check_ownership(number: &str, as_of: Date) -> Result<Vec<Warning>, Refusal> {
    text::plain(number)?;
    if number.contains("不动产证明第") {
        let message =
            "a certificate of proof (不动产证明) proves no ownership; give the ownership certificate";
        return Err(Refusal::format("CERTIFICATE_OF_PROOF", message)
            .or_as(CertificateOfProof::TYPE, check_proof(number, as_of).is_ok()));
    }
    check(number, "不动产权第", as_of)
}

fn check_proof(number: &str, as_of: Date) -> Result<Vec<Warning>, Refusal> {
    text::plain(number)?;
    if number.contains("不动产权第") {
        let message = "this is an ownership certificate (不动产权), not a certificate of proof";
        return Err(Refusal::format("OWNERSHIP_CERTIFICATE", message)
            .or_as(CertificateNumber::TYPE, check(number, "不动产权第", as_of).is_ok()));
    }
    check(number, "不动产证明第", as_of)
}

fn check(number: &str, title: &str, as_of: Date) -> Result<Vec<Warning>, Refusal> {
    let digits = format(number, title, as_of)?;
    let year = text::bracketed(number)?.year;
    if year < FIRST_YEAR {
        let message = "certificates of this form began in 2015; check the year";
        return Err(Refusal::semantic("YEAR_BEFORE_SCHEME", message));
    }
    if digits.bytes().all(|b| b == b'0') {
        return Err(Refusal::semantic("NUMBER_ZERO", "the number is zero; numbers begin at 1"));
    }
    text::not_future(year, as_of)?;
    let warning = (digits.len() != 7).then(|| {
        let message = format!("the number has {} digits, normally seven; check it", digits.len());
        Warning::new("NUMBER_WIDTH", message)
    });
    Ok(warning.into_iter().collect())
}

/// Checks the written form and returns the digits of the number.
fn format<'a>(number: &'a str, title: &str, as_of: Date) -> Result<&'a str, Refusal> {
    if !number.contains("不动产") && OLD_TITLES.iter().any(|old| number.contains(old)) {
        let message = "a certificate from before the unified registry; give it as an old certificate";
        return Err(Refusal::format("LEGACY_CERTIFICATE", message)
            .or_as(LegacyCertificate::TYPE, check_legacy(number, as_of).is_ok()));
    }
    let text::Bracketed { before, after, .. } = text::bracketed(number)?;
    let structure = |message: String| Err(Refusal::format("STRUCTURE", message));
    let mut characters = before.chars();
    match (characters.next(), characters.next()) {
        (Some(province), None) if PROVINCES.contains(province) || province == '蒙' => {}
        (Some(_), None) => {
            let message = "the first character is not that of a province (蒙 for Inner Mongolia)";
            return Err(Refusal::format("PROVINCE", message));
        }
        _ => return structure("before the year stands one province character, such as 京".to_owned()),
    }
    let Some((place, rest)) = after.split_once(title) else {
        return structure(format!("{title} is missing; the number reads 京（2024）place{title}number号"));
    };
    if place.is_empty() {
        return Err(Refusal::format(
            "AREA_MISSING",
            format!("the place between the year and {title} is missing"),
        ));
    }
    if place.chars().count() > 20 || !place.chars().all(text::is_han) {
        return structure("the place is not one to twenty Chinese characters".to_owned());
    }
    let Some(digits) = rest.strip_suffix('号') else {
        return structure("the number does not end in 号; several certificates are a list".to_owned());
    };
    if !text::is_digits(digits) || !(6..=9).contains(&digits.len()) {
        let message = "between 第 and 号 stand six to nine digits, normally seven";
        return Err(Refusal::format("NUMBER_FORMAT", message));
    }
    Ok(digits)
}
