//! Bad reports: each has its own code and no effect beyond the step that says so.

use xiezhi_domain::register::{Action, Code, OtherDay, Place, Report, What, history, other_day};

use super::kit::*;

fn a() -> Report {
    seizure("A", "2024-03-01", FORMAL, "2024-03-01", "2027-02-28")
}

/// Adds a report to A's and expects it to be refused with this code and to change nothing.
fn refused(code: Code, bad: Report) {
    refused_after(&[a()], code, bad);
}

fn refused_after(known: &[Report], code: Code, bad: Report) {
    let until = "2031-01-01";
    let before = history(known, at(until));
    let mut reports = known.to_vec();
    reports.push(bad.clone());
    let after = history(&reports, at(until));
    assert_eq!(after.register, before.register, "{code:?} changed the register");
    let refusals: Vec<_> = after.steps.iter().filter(|step| !before.steps.contains(step)).collect();
    let [refusal] = refusals.as_slice() else { panic!("{code:?}: {refusals:?}") };
    assert_eq!((refusal.what, refusal.request_id), (What::Refused(code), bad.request_id));
    assert!(refusal.before.is_empty() && refusal.after.is_empty());
}

/// R28: what names no seizure finds none.
#[test]
fn r28_a_lifting_or_renewal_of_nothing() {
    refused(Code::LiftingOfNothing, lifting("Lx", "X", "2024-04-01"));
    refused(Code::RenewalOfNothing, renewal("Rx", "X", "2024-04-01", FORMAL, "2024-04-01", "2027-03-31"));
}

#[test]
fn a_renewal_after_the_lapse() {
    let late = renewal("Ra", "A", "2027-03-01T00:00:00+08:00", FORMAL, "2027-03-01", "2030-02-28");
    refused(Code::RenewalAfterLapse, late);
    let in_time = renewal("Ra", "A", "2027-02-28T23:59:59+08:00", FORMAL, "2027-03-01", "2030-02-28");
    assert_eq!(on(&[a(), in_time], "2027-03-02"), ["A 正式 2030-02-28"]);
}

#[test]
fn what_ended_cannot_be_lifted_or_renewed_again() {
    refused(Code::SeizureOver, lifting("La", "A", "2027-03-01"));
    let known = [a(), lifting("La", "A", "2024-04-01")];
    refused_after(&known, Code::SeizureOver, lifting("Lb", "A", "2024-04-02"));
    let renewal = renewal("Ra", "A", "2024-04-02", FORMAL, "2024-04-02", "2027-04-01");
    refused_after(&known, Code::SeizureOver, renewal);
}

#[test]
fn impossible_dates() {
    refused(Code::TermBackwards, seizure("B", "2024-04-01", Place::Waiting(1), "2024-04-01", "2024-03-31"));
    refused(Code::TermOver, seizure("B", "2024-04-01", Place::Waiting(1), "2021-03-31", "2024-03-31"));
    let mut future = seizure("B", "2024-04-01", Place::Waiting(1), "2024-04-01", "2027-03-31");
    future.received_at = at("2024-04-01T08:59:59+08:00");
    refused(Code::DateImpossible, future.clone());
    future.received_at = at("2024-04-01T09:00:00+08:00");
    assert_eq!(
        history(&[a(), future], at("2024-04-02")).register.all().len(),
        2,
        "clocks may differ by an hour"
    );
    let mut past = seizure("B", "2024-04-01", Place::Waiting(1), "2024-04-01", "2027-03-31");
    past.accepted_at = at("2024-04-01T11:00:01+08:00");
    refused(Code::DateImpossible, past);
}

/// V22: the first result counts; the same again and another one change nothing.
#[test]
fn v22_duplicate_and_contradicting_results() {
    let mut again = a();
    again.received_at = at("2024-03-05");
    refused(Code::Repeated, again);
    let mut other = seizure("A", "2024-03-01", FORMAL, "2024-03-01", "2026-02-28");
    other.received_at = at("2024-03-05");
    refused(Code::Contradicts, other);
    // Even one that claims an earlier instant.
    let mut earlier = seizure("A", "2024-02-20", FORMAL, "2024-02-20", "2027-02-19");
    earlier.received_at = at("2024-03-05");
    refused(Code::Contradicts, earlier);
}

/// Two standing seizures of one case: only the date of the original seizure tells them apart.
#[test]
fn a_number_that_two_seizures_bear() {
    let mut second = seizure("A", "2024-05-01", Place::Waiting(1), "2024-05-01", "2027-04-30");
    second.request_id = id("A2");
    let known = [a(), second];
    refused_after(&known, Code::Ambiguous, lifting("La", "A", "2024-06-01"));
    let dated = |on: &str| {
        let action = Action::Lifting { original: number("A"), seized_on: Some(day(on)) };
        report("La", "2024-06-01", action)
    };
    refused_after(&known, Code::Ambiguous, dated("2024-04-30"));
    let [first, second] = known;
    assert_eq!(
        on(&[first, second, dated("2024-05-01")], "2024-06-02"),
        ["A 正式 2027-02-28", "A2 lifted 2024-06-01 10:00"]
    );
}

#[test]
fn a_conversion_of_what_does_not_stand() {
    refused(Code::ConversionOfNothing, conversion("X", "2024-04-01", "2027-02-28"));
    refused(Code::ConversionOfNothing, conversion("A", "2027-03-02", "2027-02-28"));
}

/// R73: a lifting counts whatever day it states; another day than that of the seizure is told.
#[test]
fn r73_a_lifting_of_another_day() {
    let lifts = |stated: Option<&str>| {
        let lifting =
            report("L", "2024-06-10", Action::Lifting { original: number("A"), seized_on: stated.map(day) });
        let reports = [seizure("A", "2024-03-01", FORMAL, "2024-03-01", "2027-02-28"), lifting.clone()];
        let history = history(&reports, at("2024-06-11"));
        assert_eq!(shown(&history.register), ["A lifted 2024-06-10 10:00"]);
        other_day(&lifting, &history.register)
    };
    assert_eq!(lifts(None), None);
    assert_eq!(lifts(Some("2024-03-01")), None);
    let differs = OtherDay { seizure: id("A"), stated: day("2024-03-02"), registered_on: day("2024-03-01") };
    assert_eq!(lifts(Some("2024-03-02")), Some(differs));
    // One that lifted nothing is told in another way.
    let nothing = report(
        "L",
        "2024-06-10",
        Action::Lifting { original: number("B"), seized_on: Some(day("2024-03-02")) },
    );
    let history = history(std::slice::from_ref(&nothing), at("2024-06-11"));
    assert_eq!(other_day(&nothing, &history.register), None);
}
