//! Valid demands that nobody ever made: invented people, units with real division codes, numbers that fit their rules.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::civil::{Date, date};
use serde_json::Value;
use uuid::Uuid;
use xiezhi_schemas::identifier::{CaseNumber, CourtCode, DocumentNumber, OriginalCaseNumber, UnitCode};
use xiezhi_schemas::message::{
    Contact, Court, Debtor, DocumentKind, Kind, OfficerCard, OfficerCardKind, Period, Submission, Unit,
};

use super::papers::Papers;

/// A demand with its documents, ready to send.
#[derive(Debug, Clone)]
pub struct Demand {
    /// The body; a test may change it before sending.
    pub submission: Submission,
    /// The documents it claims.
    pub papers: Papers,
}

impl Demand {
    /// The body as JSON.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::to_value(&self.submission).expect("a submission is plain data")
    }
}

/// Numbers that were not used before in this process; worlds do not need more, as each has a database of its own.
fn next_serial() -> u64 {
    static SERIAL: AtomicU64 = AtomicU64::new(1);
    SERIAL.fetch_add(1, Ordering::Relaxed)
}

/// Begins a demand of a kind for one new unit of a division (six digits, that of a registry).
#[must_use]
pub fn demand(kind: Kind, division: &str) -> Builder {
    Builder::new(kind, division)
}

/// The unit code of a number: all numbers below 5·10¹¹ give different units of the division.
#[must_use]
pub fn unit_code(division: &str, number: u64) -> String {
    let (rest, room) = (number / 9_999, number % 9_999 + 1);
    let (parcel, building) = (rest / 9_999, rest % 9_999 + 1);
    format!("{division}001001GB{:05}F{building:04}{room:04}", parcel % 99_999 + 1)
}

/// Puts a demand together.
#[derive(Debug, Clone)]
pub struct Builder {
    kind: Kind,
    division: String,
    serial: u64,
    units: Vec<String>,
    court: String,
    original: Option<String>,
    papers: Option<Papers>,
    remarks: Option<String>,
    prior: Option<Uuid>,
    demand_id: Option<String>,
}

impl Builder {
    /// A demand of one unit that no other demand of this process names.
    #[must_use]
    pub fn new(kind: Kind, division: &str) -> Self {
        let serial = next_serial();
        Self {
            kind,
            division: division.to_owned(),
            serial,
            units: vec![unit_code(division, serial)],
            court: "京0105".to_owned(),
            original: None,
            papers: None,
            remarks: None,
            prior: None,
            demand_id: None,
        }
    }

    /// Code of the sending court; 京0105 otherwise.
    #[must_use]
    pub fn court(mut self, code: &str) -> Self {
        code.clone_into(&mut self.court);
        self
    }

    /// Names this unit instead.
    #[must_use]
    pub fn unit(mut self, code: &str) -> Self {
        self.units = vec![code.to_owned()];
        self
    }

    /// Names so many new units.
    #[must_use]
    pub fn new_units(mut self, count: usize) -> Self {
        self.units = (0..count).map(|_| unit_code(&self.division, next_serial())).collect();
        self
    }

    /// 原查封案号; an invented one otherwise, where the kind needs one.
    #[must_use]
    pub fn original(mut self, case_number: &str) -> Self {
        self.original = Some(case_number.to_owned());
        self
    }

    /// Uses these documents instead of new ones, so that many demands can share an upload.
    #[must_use]
    pub fn papers(mut self, papers: &Papers) -> Self {
        self.papers = Some(papers.clone());
        self
    }

    /// 备注; the simulated county obeys `SIM:…`.
    #[must_use]
    pub fn remarks(mut self, text: &str) -> Self {
        self.remarks = Some(text.to_owned());
        self
    }

    /// The request that this demand corrects.
    #[must_use]
    pub const fn prior(mut self, request: Uuid) -> Self {
        self.prior = Some(request);
        self
    }

    /// The court's own number; a new one otherwise.
    #[must_use]
    pub fn demand_id(mut self, id: &str) -> Self {
        self.demand_id = Some(id.to_owned());
        self
    }

    /// The demand.
    #[must_use]
    pub fn build(self) -> Demand {
        let serial = self.serial;
        let year = today().year();
        let case = format!("（{year}）{}执{serial}号", self.court);
        let refers = matches!(self.kind, Kind::Renewal | Kind::Lifting);
        let invented = || format!("（{}）{}执{serial}号", year - 1, self.court);
        // What is named was seized in this world, today; what is invented, in the year before.
        let seized_on = if self.original.is_some() { today() } else { date(year - 1, 3, 1) };
        let original = self.original.or_else(|| refers.then(invented));
        let papers = self.papers.unwrap_or_else(|| {
            Papers::of_case(&format!("{} in {}", self.kind.as_str(), self.division), serial)
        });
        let units = self.units.iter().map(|code| unit(code, serial)).collect();
        let submission = Submission {
            version: "1.0".to_owned(),
            demand_id: self.demand_id.unwrap_or_else(|| format!("D{year}-{serial:08}")),
            kind: self.kind,
            court: Court { code: parse::<CourtCode>(&self.court), name: "獬豸演示法院".to_owned() },
            case_number: parse::<CaseNumber>(&case),
            judgment_number: parse::<DocumentNumber>(&format!("{case}之一")),
            issuing_organ: "獬豸演示法院".to_owned(),
            original_case_number: original.as_deref().map(parse::<OriginalCaseNumber>),
            original_seizure_date: (self.kind == Kind::Lifting).then_some(seized_on),
            cause: Some("演示用虚构案件".to_owned()),
            debtor: debtor(serial),
            units,
            period: (self.kind != Kind::Lifting).then(|| period(year)),
            contact: Contact { name: "演示联系人".to_owned(), phone: "010-00000000".to_owned() },
            officers: vec![OfficerCard {
                name: "演示执行员".to_owned(),
                kind: OfficerCardKind::WorkPermit,
                number: format!("DEMO{serial:06}"),
            }],
            attachments: papers.attachments(),
            prior_request_id: self.prior,
            remarks: self.remarks,
        };
        Demand { submission, papers }
    }
}

fn parse<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Display,
{
    match text.parse() {
        Ok(value) => value,
        Err(error) => panic!("the builder of demands made {text:?}, which is refused: {error}"),
    }
}

fn today() -> Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8))).date()
}

/// Three years that are not over yet.
fn period(year: i16) -> Period {
    let from: Date = date(year, 1, 1);
    Period { years: 3, from, to: date(year + 2, 12, 31) }
}

fn unit(code: &str, serial: u64) -> Unit {
    let province = match &code[..2] {
        "11" => '京',
        "12" => '津',
        "31" => '沪',
        "32" => '苏',
        "33" => '浙',
        "37" => '鲁',
        "50" => '渝',
        _ => '甘',
    };
    Unit {
        unit_code: parse::<UnitCode>(code),
        right_holder: format!("演示权利人{serial}"),
        location: format!("演示路{}号{}室", serial % 900 + 1, serial % 90 + 101),
        certificates: vec![format!("{province}（2020）演示区不动产权第{:07}号", serial % 9_999_999 + 1)],
    }
}

/// Every other debtor is a person, the rest are companies; all born in 1903 or registered in no department's books.
fn debtor(serial: u64) -> Debtor {
    if serial.is_multiple_of(2) {
        Debtor {
            name: format!("演示有限公司{serial}"),
            document_kind: DocumentKind::Uscc,
            document_number: uscc(serial),
        }
    } else {
        Debtor {
            name: format!("演示人{serial}"),
            document_kind: DocumentKind::ResidentId,
            document_number: resident_id(serial),
        }
    }
}

/// 公民身份号码 (GB 11643-1999) of somebody born on 1 January 1903, with its check character.
fn resident_id(serial: u64) -> String {
    const WEIGHTS: [u64; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let body = format!("11010519030101{:03}", serial % 1000);
    let sum: u64 = body.bytes().zip(WEIGHTS).map(|(digit, weight)| u64::from(digit - b'0') * weight).sum();
    format!("{body}{}", ["1", "0", "X", "9", "8", "7", "6", "5", "4", "3", "2"][(sum % 11) as usize])
}

/// 统一社会信用代码 (GB 32100-2015) with both check characters; `TT` marks it as invented.
fn uscc(serial: u64) -> String {
    const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    const WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
    let organisation = format!("TT{:06}", serial % 1_000_000);
    let value = |c: char| c.to_digit(36).unwrap_or(0);
    let sum: u32 = organisation.chars().zip(WEIGHTS).map(|(c, weight)| value(c) * weight).sum();
    let check = match 11 - sum % 11 {
        10 => 'X',
        11 => '0',
        digit => char::from_digit(digit, 10).unwrap_or('0'),
    };
    let body = format!("91110105{organisation}{check}");
    let place = |c: u8| ALPHABET.iter().position(|a| *a == c).unwrap_or(0);
    let (sum, _) =
        body.bytes().fold((0, 1), |(sum, weight), c| ((sum + place(c) * weight) % 31, weight * 3 % 31));
    format!("{body}{}", char::from(ALPHABET[(31 - sum) % 31]))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use xiezhi_schemas::identifier::{Identifier as _, ResidentId, Uscc};

    use super::*;

    #[test]
    fn every_kind_fits_the_published_contract() {
        for kind in Kind::ALL {
            let demand = demand(kind, "320102").new_units(3).build();
            let text = demand.value().to_string();
            let back: Submission = parse_json(&text);
            assert_eq!(back, demand.submission);
            assert_eq!(demand.submission.period.is_none(), kind == Kind::Lifting);
        }
    }

    fn parse_json(text: &str) -> Submission {
        match serde_json::from_str(text) {
            Ok(submission) => submission,
            Err(error) => panic!("{error} in {text}"),
        }
    }

    #[test]
    fn invented_numbers_fit_their_rules() {
        let today = date(2026, 1, 1);
        for serial in 0..3000 {
            assert!(ResidentId::parse_at(&resident_id(serial), today).is_ok());
            let accepted = Uscc::parse_at(&uscc(serial), today);
            assert!(accepted.is_ok_and(|a| a.warnings.is_empty()), "{}", uscc(serial));
        }
    }

    #[test]
    fn units_of_different_numbers_differ() {
        let numbers = (0..20_000).chain([99_980_001, 99_980_002, 199_960_001]);
        let codes: Vec<_> = numbers.map(|n| unit_code("320102", n)).collect();
        assert_eq!(codes.iter().collect::<HashSet<_>>().len(), codes.len());
        assert!(codes.iter().all(|code| UnitCode::parse_at(code, date(2026, 1, 1)).is_ok()));
    }
}
