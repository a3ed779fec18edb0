//! Checks at the court's side of a demand whose structure is already right.
//!
//! Everything wrong with a body is found in one go, so that a clerk mends it once. An error stops the demand before it
//! travels; a warning goes along, because a limit of law or an odd number is for people to weigh and never a ground on
//! which a registry may return it. Nothing here looks anything up: whether a region takes part, whether a document is in
//! the store, whether a prior request exists, the server asks its tables.

mod finding;
mod papers;
mod parties;

use jiff::civil::Date;
use xiezhi_schemas::message::{Kind, Submission};

pub use finding::{Code, Finding, Findings};

use crate::period;

/// Checks a demand as of `today`, the date in China.
pub fn check(demand: &Submission, today: Date) -> Findings {
    let mut found = Findings::default();
    check_version(demand, &mut found);
    parties::check_court(demand, today, &mut found);
    check_original(demand, &mut found);
    parties::check_debtor(&demand.debtor, today, &mut found);
    parties::check_units(&demand.units, today, &mut found);
    check_period(demand, today, &mut found);
    parties::check_texts(demand, &mut found);
    papers::check_attachments(&demand.attachments, &mut found);
    papers::check_officers(demand, &mut found);
    found
}

fn check_version(demand: &Submission, found: &mut Findings) {
    let major = demand.version.split_once('.').map(|(major, _)| major);
    if major != Some("1") {
        let hint = "send version 1.0, or ask the hub's operator which versions it knows";
        found.error(Code::VersionUnknown, "/version", "this hub knows version 1 of the contract", hint);
    }
}

/// 期限清晰: required except for a lifting, in order, not yet over; odd lengths are noted.
fn check_period(demand: &Submission, today: Date, found: &mut Findings) {
    let period = match (&demand.period, demand.kind) {
        (None, Kind::Lifting) => return,
        (Some(_), Kind::Lifting) => {
            let hint = "leave the period out; the seizure ends with the lifting";
            found.error(Code::PeriodRefused, "/period", "a lifting (解封) carries no period", hint);
            return;
        }
        (None, kind) => {
            let message = format!("a {} ({}) states its period", kind.as_str(), kind.chinese());
            let hint = "give years, first and last day as they stand on the notice";
            found.error(Code::PeriodMissing, "/period", message, hint);
            return;
        }
        (Some(period), _) => period,
    };
    if period.to < period.from {
        let message = format!("the last day {} lies before the first day {}", period.to, period.from);
        found.error(Code::PeriodBackwards, "/period/to", message, "compare both days with the notice");
        return;
    }
    if period::has_lapsed(period.to, today) {
        let message =
            format!("the last day {} is past; a seizure with this period would never stand", period.to);
        found.error(Code::PeriodOver, "/period/to", message, "compare the last day with the notice");
    }
    if !period::agrees(period) {
        let message = format!("{} years from {} do not end on {}", period.years, period.from, period.to);
        let hint = "the last day is the corresponding day of the last year or the day before it";
        found.warning(Code::PeriodDisagrees, "/period", message, hint);
    }
    if period::is_too_long(period) {
        let message =
            format!("a seizure or renewal of real estate lasts {} years at most", period::LONGEST_YEARS);
        let hint = "shorten the period, or let the judge confirm it";
        found.warning(Code::PeriodTooLong, "/period", message, hint);
    }
}

/// 原查封案号 and date: which kinds name them.
fn check_original(demand: &Submission, found: &mut Findings) {
    let (kind, chinese) = (demand.kind.as_str(), demand.kind.chinese());
    let refers = matches!(demand.kind, Kind::Renewal | Kind::Lifting);
    match (&demand.original_case_number, refers) {
        (None, true) => {
            let message = format!("a {kind} ({chinese}) names the case number of the original seizure");
            let hint = "give 原查封案号; numbers of the scheme before 2016 are allowed here";
            found.error(Code::OriginalCaseMissing, "/original_case_number", message, hint);
        }
        (Some(_), false) => {
            let message = format!("a {kind} ({chinese}) has no original seizure");
            let hint = "leave it out, or send a renewal or a lifting";
            found.warning(Code::OriginalNotExpected, "/original_case_number", message, hint);
        }
        _ => {}
    }
    match (demand.original_seizure_date, demand.kind) {
        (None, Kind::Lifting) => {
            let message = "a lifting (解封) states the date of the original seizure";
            let hint = "give the date that stands in the notice, so that the registry can compare it";
            found.warning(Code::OriginalDateMissing, "/original_seizure_date", message, hint);
        }
        (Some(_), kind) if kind != Kind::Lifting => {
            let message = format!("a {} ({chinese}) states no date of an original seizure", kind.as_str());
            let hint = "leave it out; only a lifting has it";
            found.warning(Code::OriginalNotExpected, "/original_seizure_date", message, hint);
        }
        _ => {}
    }
}
