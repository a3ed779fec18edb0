//! The worked examples for 轮候 (R47–R50, R143, R148), each by its rule.

use xiezhi_domain::register::{Place, WaitingRule, What, history};

use super::kit::*;

const B_FIRST: Place = Place::Waiting(1);

fn a_and_b() -> Vec<xiezhi_domain::register::Report> {
    vec![
        seizure("A", "2024-03-01", FORMAL, "2024-03-01", "2027-02-28"),
        seizure("B", "2024-06-10", B_FIRST, "2024-06-10", "2027-06-09"),
    ]
}

/// R46: the first is formal, the others wait in order.
#[test]
fn r46_first_is_formal_others_wait() {
    let mut reports = a_and_b();
    reports.push(seizure("C", "2025-02-03", Place::Waiting(2), "2025-02-03", "2028-02-02"));
    assert_eq!(
        on(&reports, "2025-02-04"),
        ["A 正式 2027-02-28", "B 轮候 1 2027-06-09", "C 轮候 2 2028-02-02"]
    );
}

/// R48: A lifted on 2025-01-15; B is formal from that day and still ends on 2027-06-09.
#[test]
fn r48_conversion_keeps_the_end() {
    let mut reports = a_and_b();
    reports.push(lifting("La", "A", "2025-01-15"));
    let history = history(&reports, at("2025-01-16"));
    assert_eq!(shown(&history.register), ["A lifted 2025-01-15 10:00", "B 正式 2027-06-09"]);
    assert_eq!(formal_since(&history, "B"), "2025-01-15 10:00");
    let converted = history.steps.last().unwrap();
    assert_eq!(
        (converted.what, converted.request_id, converted.at),
        (What::Converted, id("B"), at("2025-01-15"))
    );
    assert_eq!(converted.before[0].term, converted.after[0].term, "R150: before and after, and nothing anew");
    assert_eq!(converted.after[0].rule, Some(WaitingRule::FromRegistration));
}

/// R143: A renewed and lifted on 2027-08-01; B lapsed at 24:00 of 2027-06-09 and never converts; C does.
#[test]
fn r143_a_lapsed_waiting_seizure_never_converts() {
    let mut reports = a_and_b();
    reports.push(seizure("C", "2025-02-03", Place::Waiting(2), "2025-02-03", "2028-02-02"));
    reports.push(renewal("Ra", "A", "2027-02-01", FORMAL, "2027-03-01", "2030-02-28"));
    assert_eq!(on(&reports, "2027-06-09T23:59:59+08:00")[1], "B 轮候 1 2027-06-09");
    assert_eq!(
        on(&reports, "2027-06-10T00:00:00+08:00"),
        ["A 正式 2030-02-28", "B lapsed 2027-06-10 00:00", "C 轮候 1 2028-02-02"]
    );
    reports.push(lifting("La", "A", "2027-08-01"));
    let history = history(&reports, at("2027-08-02"));
    assert_eq!(
        shown(&history.register),
        ["A lifted 2027-08-01 10:00", "B lapsed 2027-06-10 00:00", "C 正式 2028-02-02"]
    );
    assert_eq!(formal_since(&history, "C"), "2027-08-01 10:00");
}

/// R148: the middle one of three is lifted; the third moves from 轮候 2 to 轮候 1 and its dates do not change.
#[test]
fn r148_lifting_a_waiting_seizure_closes_its_gap() {
    let mut reports = a_and_b();
    reports.push(seizure("C", "2025-02-03", Place::Waiting(2), "2025-02-03", "2028-02-02"));
    let before = history(&reports, at("2025-02-04")).register.find(id("C")).cloned();
    reports.push(lifting("Lb", "B", "2025-03-01"));
    let history = history(&reports, at("2025-03-02"));
    assert_eq!(
        shown(&history.register),
        ["A 正式 2027-02-28", "B lifted 2025-03-01 10:00", "C 轮候 1 2028-02-02"]
    );
    assert_eq!(history.register.find(id("C")).cloned(), before);
}

/// R50: B was registered before the cut-over day under a rule by which the period starts at conversion; that rule is applied
/// and the record shows which. R49: one registered on the cut-over day has the new rule.
#[test]
fn r50_an_older_waiting_seizure_keeps_its_rule() {
    let mut reports = vec![
        seizure("A", "2022-03-01", FORMAL, "2022-03-01", "2025-02-28"),
        seizure("B", "2024-02-29", B_FIRST, "2024-02-29", "2027-02-28"),
        seizure("C", "2024-03-01", Place::Waiting(2), "2024-03-01", "2027-02-28"),
    ];
    let rule = |name: &str| history(&reports, at("2024-03-02")).register.find(id(name)).unwrap().rule;
    assert_eq!(rule("A"), None);
    assert_eq!(rule("B"), Some(WaitingRule::FromConversion));
    assert_eq!(rule("C"), Some(WaitingRule::FromRegistration));
    reports.push(lifting("La", "A", "2025-01-15"));
    assert_eq!(on(&reports, "2025-01-16")[1], "B 正式 2028-01-14", "three years from the conversion");
    // A period that has not begun does not end either: C lapses before B, who registered first, has converted.
    reports.pop();
    reports.push(renewal("Ra", "A", "2025-02-01", FORMAL, "2025-03-01", "2028-02-29"));
    assert_eq!(
        on(&reports, "2027-03-01"),
        ["A 正式 2028-02-29", "B 轮候 1 2027-02-28", "C lapsed 2027-03-01 00:00"]
    );
    assert_eq!(on(&reports, "2028-03-01")[1], "B 正式 2031-02-28", "A's last day is 29 February");
}

/// R143: A expires unrenewed at 24:00 of 2027-02-28; B is formal from 2027-03-01 00:00 and ends on 2027-06-09.
#[test]
fn r143_expiry_of_the_formal_seizure_converts_the_next() {
    let before = history(&a_and_b(), at("2027-02-28T23:59:59.999999+08:00"));
    assert_eq!(shown(&before.register), ["A 正式 2027-02-28", "B 轮候 1 2027-06-09"]);
    let after = history(&a_and_b(), at("2027-03-01T00:00:00+08:00"));
    assert_eq!(shown(&after.register), ["A lapsed 2027-03-01 00:00", "B 正式 2027-06-09"]);
    assert_eq!(formal_since(&after, "B"), "2027-03-01 00:00");
}

/// R143: both lapse at the same midnight; nothing converts that lapses in the same instant.
#[test]
fn r143_what_lapses_at_the_same_instant_does_not_convert() {
    let reports = [
        seizure("A", "2024-03-01", FORMAL, "2024-03-01", "2027-02-28"),
        seizure("B", "2024-03-01T10:00:01+08:00", B_FIRST, "2024-03-01", "2027-02-28"),
        seizure("C", "2024-03-02", Place::Waiting(2), "2024-03-02", "2027-03-01"),
    ];
    let history = history(&reports, at("2027-03-01"));
    assert_eq!(
        shown(&history.register),
        ["A lapsed 2027-03-01 00:00", "B lapsed 2027-03-01 00:00", "C 正式 2027-03-01"]
    );
    assert_eq!(history.steps.iter().filter(|step| step.what == What::Converted).count(), 1);
}

/// R148: a waiting seizure can be renewed and keeps its place.
#[test]
fn r148_a_waiting_seizure_can_be_renewed() {
    let mut reports = a_and_b();
    reports.push(renewal("Rb", "B", "2027-01-05", B_FIRST, "2027-06-10", "2030-06-09"));
    reports.push(renewal("Ra", "A", "2027-02-01", FORMAL, "2027-03-01", "2028-02-29"));
    assert_eq!(on(&reports, "2027-12-01"), ["A 正式 2028-02-29", "B 轮候 1 2030-06-09"]);
    let history = history(&reports, at("2028-03-01"));
    assert_eq!(shown(&history.register), ["A lapsed 2028-03-01 00:00", "B 正式 2030-06-09"]);
}

/// R45: a period of five years is registered like any other.
#[test]
fn r45_the_register_does_not_judge_the_length_of_a_period() {
    let reports = [seizure("A", "2024-03-01", FORMAL, "2024-03-01", "2029-02-28")];
    assert_eq!(on(&reports, "2029-02-28"), ["A 正式 2029-02-28"]);
}
