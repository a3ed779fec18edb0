//! Words for the tests: a unit whose registry reports one thing after another.

use jiff::{Timestamp, civil::Date};
use uuid::Uuid;
use xiezhi_domain::{
    State,
    order::{Received, order},
    register::{
        Action, Anomaly, CutOver, History, Number, Place, Register, Report, Stand, Term, WaitingRule,
        anomalies, history,
    },
    workdays::day_of,
};
use xiezhi_schemas::{identifier::CaseNumber, message::Kind};

pub const FORMAL: Place = Place::Formal;

/// 2024-06-01 is the cut-over day of these tests; before it the province let periods begin with the conversion.
pub const CUT_OVER: CutOver =
    CutOver { day: jiff::civil::date(2024, 3, 1), before: WaitingRule::FromConversion };

pub fn id(name: &str) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Uuid::from_bytes(bytes)
}

/// The case number of a seizure named by one letter.
pub fn number(name: &str) -> Number {
    let serial = name.bytes().fold(0_u32, |sum, byte| sum * 256 + u32::from(byte));
    Number::from(&format!("（2024）苏0102执{serial}号").parse::<CaseNumber>().unwrap())
}

/// An instant: a day (10:00 in China) or a full one.
pub fn at(text: &str) -> Timestamp {
    let full = if text.len() == 10 { format!("{text}T10:00:00+08:00") } else { text.to_owned() };
    full.parse().unwrap()
}

pub fn day(text: &str) -> Date {
    text.parse().unwrap()
}

pub fn term(from: &str, to: &str) -> Term {
    Term { from: day(from), to: day(to) }
}

/// A report that reaches the hub a minute after its registration.
pub fn report(name: &str, registered: &str, action: Action) -> Report {
    let registered_at = at(registered);
    let minute = jiff::SignedDuration::from_mins(1);
    Report {
        request_id: id(name),
        received_at: registered_at + minute,
        accepted_at: registered_at - minute,
        registered_at,
        action,
    }
}

pub fn seizure(name: &str, registered: &str, place: Place, from: &str, to: &str) -> Report {
    let rule = CUT_OVER.rule(day_of(at(registered)));
    let action = Action::Seizure { number: number(name), place, term: term(from, to), rule };
    report(name, registered, action)
}

pub fn renewal(name: &str, original: &str, registered: &str, place: Place, from: &str, to: &str) -> Report {
    let action = Action::Renewal { original: number(original), place, term: term(from, to) };
    report(name, registered, action)
}

pub fn lifting(name: &str, original: &str, registered: &str) -> Report {
    report(name, registered, Action::Lifting { original: number(original), seized_on: None })
}

pub fn conversion(name: &str, registered: &str, to: &str) -> Report {
    report(name, registered, Action::Conversion { to: day(to) })
}

/// The register on a day, as `name place last-day` and, for what ended, `name lapsed|lifted instant`.
pub fn shown(register: &Register) -> Vec<String> {
    let places: std::collections::HashMap<_, _> = register.places().into_iter().collect();
    let name = |id: Uuid| String::from_utf8_lossy(id.as_bytes()).trim_end_matches('\0').to_owned();
    register
        .all()
        .iter()
        .map(|s| match s.stand {
            Stand::Lapsed { at } => format!("{} lapsed {}", name(s.request_id), china(at)),
            Stand::Lifted { at, .. } => format!("{} lifted {}", name(s.request_id), china(at)),
            _ => format!("{} {} {}", name(s.request_id), places[&s.request_id], s.term.to),
        })
        .collect()
}

/// An instant as a clock in China shows it.
pub fn china(at: Timestamp) -> String {
    jiff::tz::offset(8).to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string()
}

pub fn on(reports: &[Report], until: &str) -> Vec<String> {
    shown(&history(reports, at(until)).register)
}

/// When a converted seizure became formal.
pub fn formal_since(history: &History, name: &str) -> String {
    match history.register.find(id(name)).unwrap().stand {
        Stand::Formal { since } => china(since),
        other => panic!("{name} is not formal: {other:?}"),
    }
}

/// The disagreements when the named seizures were delivered in this order; those without a report wait to be registered.
pub fn disagreements(delivered: &[&str], reports: &[Report], until: &str) -> Vec<Anomaly> {
    let receipts: Vec<Received> = delivered
        .iter()
        .zip(1..)
        .map(|(name, no)| Received {
            request_id: id(name),
            kind: Kind::Seizure,
            delivered_at: Timestamp::from_second(1_600_000_000 + no).unwrap(),
            no,
            state: match reports.iter().any(|r| r.request_id == id(name)) {
                true => State::Registered,
                false => State::Delivered,
            },
        })
        .collect();
    anomalies(&order(&receipts, None), &history(reports, at(until)))
}
