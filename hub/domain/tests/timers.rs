//! R36, R41, R54, R114, R139: each reminder by the clock, before its time, at its time and when its cause ends.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use xiezhi_domain::{
    State,
    limits::{Business, Length, limits},
    timers::{Facts, Renewal, Targets, Timers},
    workdays::Calendar,
};
use xiezhi_schemas::message::{
    Addressee::{self, Court, Operator, Registry},
    LimitBasis,
    ReminderKind::{self, Decision, Delivery, NewItem, PassingOn, Receipt, ReturnWaiting, SeizureLapses},
    ReminderLevel::{self, Notice, Overdue, Warning},
};

fn targets() -> Targets {
    Targets {
        receipt_working_days: 1,
        passing_on: Some(SignedDuration::from_mins(10)),
        delivery: Some(SignedDuration::from_hours(24)),
        new_item: Some(SignedDuration::from_mins(30)),
        decision_working_days: Some(3),
        correction_working_days: Some(5),
        returns_rest_days: 30,
        renewal: Some(Renewal { notice_days: 60, warning_days: 15 }),
    }
}

fn timers() -> Timers {
    Timers::new(Calendar::compiled_in(), targets())
}

fn at(text: &str) -> Timestamp {
    format!("{text}+08:00").parse().unwrap()
}

/// A request that was accepted on Monday, 4 March 2024.
fn facts(state: State) -> Facts {
    Facts {
        state,
        sent_at: at("2024-03-04T09:00:00"),
        passed_on_at: None,
        delivered_at: None,
        returned_at: None,
        corrected: false,
        result_due_at: None,
        stands_until: None,
    }
}

type Short = (ReminderKind, Addressee, ReminderLevel);

/// What stands at an instant, and the one due time that all of it has.
fn stands(facts: &Facts, now: &str) -> (Vec<Short>, Option<Timestamp>) {
    let outlook = timers().outlook(facts, at(now));
    assert_eq!(outlook.uncounted, None);
    let due = outlook.reminders.first().map(|r| r.due_at);
    (outlook.reminders.iter().map(|r| (r.kind, r.to, r.level)).collect(), due)
}

fn check(facts: &Facts, steps: &[(&str, &[Short])]) {
    for (now, expected) in steps {
        assert_eq!(stands(facts, now).0, *expected, "{now}: {facts:?}");
    }
}

#[test]
fn passing_on_is_watched_until_the_broker_confirms() {
    let mut waiting = facts(State::InFlight);
    let warning = [(PassingOn, Operator, Warning)];
    check(
        &waiting,
        &[
            ("2024-03-04T09:04:59", &[]),
            ("2024-03-04T09:05:00", &warning),
            ("2024-03-04T09:09:59", &warning),
            ("2024-03-04T09:10:00", &[(PassingOn, Operator, Overdue)]),
            ("2024-03-05T09:00:00", &[(PassingOn, Operator, Overdue)]),
        ],
    );
    waiting.passed_on_at = Some(at("2024-03-04T09:11:00"));
    check(&waiting, &[("2024-03-04T09:12:00", &[])]);
}

#[test]
fn delivery_is_watched_from_the_province_to_the_receipt() {
    let mut road = facts(State::InFlight);
    road.passed_on_at = Some(at("2024-03-04T10:00:00"));
    check(
        &road,
        &[
            ("2024-03-04T21:59:59", &[]),
            ("2024-03-04T22:00:00", &[(Delivery, Operator, Warning)]),
            ("2024-03-05T10:00:00", &[(Delivery, Operator, Overdue)]),
        ],
    );
    // 未送达 is told in its own way and decided by an operator.
    road.state = State::Undelivered;
    check(&road, &[("2024-03-06T10:00:00", &[])]);
}

/// R36 and R41: new at the desk, undecided, overdue; three working days from Monday end on Thursday.
#[test]
fn an_undecided_demand_reminds_the_registry_and_then_everybody() {
    let mut desk = facts(State::Delivered);
    desk.delivered_at = Some(at("2024-03-04T10:00:00"));
    let new = (NewItem, Registry, Notice);
    check(
        &desk,
        &[
            ("2024-03-04T10:29:59", &[]),
            ("2024-03-04T10:30:00", &[new]),
            ("2024-03-06T23:59:59", &[new]),
            ("2024-03-07T00:00:00", &[new, (Decision, Registry, Warning)]),
            ("2024-03-07T23:59:59", &[new, (Decision, Registry, Warning)]),
            (
                "2024-03-08T00:00:00",
                &[
                    new,
                    (Decision, Registry, Overdue),
                    (Decision, Court, Overdue),
                    (Decision, Operator, Overdue),
                ],
            ),
        ],
    );
    for state in [State::Registered, State::Returned, State::Withdrawn, State::Closed] {
        check(&Facts { state, ..desk.clone() }, &[("2024-03-08T00:00:00", &[])]);
    }
}

/// R54: 登簿 on 2024-02-09 is due at the end of 2024-02-18, a make-up Sunday.
#[test]
fn a_result_is_due_one_working_day_after_registration() {
    let timers = timers();
    let due = timers.receipt_due(at("2024-02-09T17:00:00")).unwrap();
    assert_eq!(due, at("2024-02-19T00:00:00"));
    let mut waits = facts(State::InFlight);
    waits.passed_on_at = Some(at("2024-02-18T12:00:00"));
    waits.result_due_at = Some(due);
    check(
        &waits,
        &[
            ("2024-02-17T23:59:59", &[]),
            ("2024-02-18T00:00:00", &[(Receipt, Registry, Warning), (Receipt, Operator, Warning)]),
            (
                "2024-02-19T00:00:00",
                &[
                    (Delivery, Operator, Warning),
                    (Receipt, Registry, Overdue),
                    (Receipt, Operator, Overdue),
                    (Receipt, Court, Overdue),
                ],
            ),
        ],
    );
    assert_eq!(stands(&waits, "2024-02-18T00:00:00").1, Some(due));
    waits.result_due_at = None;
    check(&waits, &[("2024-02-18T23:00:00", &[])]);
    assert_eq!(timers.receipt_due(at("2026-12-31T09:00:00")).unwrap_err().year, 2027);
}

/// A return waits at the court: five working days from Monday end on the next Monday.
#[test]
fn a_return_reminds_the_court_until_it_is_corrected_or_rests() {
    let mut back = facts(State::Returned);
    back.returned_at = Some(at("2024-03-04T11:00:00"));
    let overdue = [(ReturnWaiting, Court, Overdue)];
    check(
        &back,
        &[
            ("2024-03-10T23:59:59", &[]),
            ("2024-03-11T00:00:00", &[(ReturnWaiting, Court, Warning)]),
            ("2024-03-12T00:00:00", &overdue),
            ("2024-04-03T10:59:59", &overdue),
            ("2024-04-03T11:00:00", &[]),
        ],
    );
    back.corrected = true;
    check(&back, &[("2024-03-12T00:00:00", &[])]);
}

/// R41, R143: the court hears in time to renew; at 24:00 of the last day there is nothing left to renew.
#[test]
fn a_seizure_that_will_lapse_reminds_its_court() {
    let mut stands = facts(State::Registered);
    stands.stands_until = Some("2027-02-28".parse().unwrap());
    let notice = [(SeizureLapses, Court, Notice)];
    let warning = [(SeizureLapses, Court, Warning)];
    check(
        &stands,
        &[
            ("2026-12-29T23:59:59", &[]),
            ("2026-12-30T00:00:00", &notice),
            ("2027-02-12T23:59:59", &notice),
            ("2027-02-13T00:00:00", &warning),
            ("2027-02-28T23:59:59", &warning),
            ("2027-03-01T00:00:00", &[]),
        ],
    );
    assert_eq!(self::stands(&stands, "2027-02-20T00:00:00").1, Some(at("2027-03-01T00:00:00")));
    stands.stands_until = None;
    check(&stands, &[("2027-02-20T00:00:00", &[])]);
}

/// R139: an open target is no timer, and it is shown as open.
#[test]
fn an_open_target_is_no_timer() {
    let open = Targets {
        passing_on: None,
        delivery: None,
        new_item: None,
        decision_working_days: None,
        correction_working_days: None,
        renewal: None,
        ..targets()
    };
    let timers = Timers::new(Calendar::compiled_in(), open.clone());
    for state in State::ALL {
        let mut all = facts(state);
        all.passed_on_at = Some(all.sent_at);
        all.delivered_at = Some(all.sent_at);
        all.returned_at = Some(all.sent_at);
        all.stands_until = Some("2024-04-01".parse().unwrap());
        assert_eq!(timers.outlook(&all, at("2024-03-20T00:00:00")).reminders, [], "{state}");
    }
    let shown = limits(&open);
    let own = |limit: &&xiezhi_domain::limits::Limit| limit.reminder.is_some_and(|kind| kind != Receipt);
    assert!(shown.iter().filter(own).all(|limit| limit.length == Length::Open));
    let tax: Vec<_> = shown.iter().filter(|limit| limit.business == Business::Tax).collect();
    assert!(tax.len() == 1 && tax[0].length == Length::Open && tax[0].reminder.is_none());
}

/// R114: the five working days of general and mortgage registration never bind a seizure.
#[test]
fn a_seizure_never_gets_the_five_day_timer() {
    let all = limits(&targets());
    let five: Vec<_> =
        all.iter().filter(|l| l.length == Length::WorkingDays(5) && l.basis == LimitBasis::Law).collect();
    assert_eq!(five.len(), 1);
    assert!(five[0].business == Business::GeneralAndMortgage && five[0].reminder.is_none());
    let by_law: Vec<_> = all
        .iter()
        .filter(|l| l.business == Business::Seizure && l.basis == LimitBasis::Law)
        .map(|l| (l.reminder, l.length))
        .collect();
    assert_eq!(by_law, [(Some(Receipt), Length::WorkingDays(1)), (Some(SeizureLapses), Length::Days(60))]);
    // Every reminder has its line.
    for kind in ReminderKind::ALL {
        assert_eq!(all.iter().filter(|l| l.reminder == Some(*kind)).count(), 1, "{kind:?}");
    }
}

#[test]
fn days_that_are_not_loaded_are_said_so_and_stop_nothing_else() {
    let mut desk = facts(State::Delivered);
    desk.delivered_at = Some(at("2026-12-31T10:00:00"));
    let outlook = timers().outlook(&desk, at("2027-01-10T00:00:00"));
    assert_eq!(outlook.uncounted.map(|missing| missing.year), Some(2027));
    assert_eq!(outlook.reminders.iter().map(|r| r.kind).collect::<Vec<_>>(), [NewItem]);
}

proptest! {
    /// A reminder never gets milder while nothing happens, and each addressee gets one of a kind at most.
    #[test]
    fn levels_only_rise(state in prop::sample::select(State::ALL.to_vec()), first in 0_i64..40_000, later in 0_i64..40_000) {
        let mut all = facts(state);
        all.delivered_at = Some(all.sent_at);
        all.returned_at = Some(all.sent_at);
        all.result_due_at = Some(all.sent_at + SignedDuration::from_hours(48));
        let one = all.sent_at + SignedDuration::from_mins(first);
        let before = timers().outlook(&all, one).reminders;
        let after = timers().outlook(&all, one + SignedDuration::from_mins(later)).reminders;
        for reminder in &before {
            let same: Vec<_> = after.iter().filter(|r| (r.kind, r.to) == (reminder.kind, reminder.to)).collect();
            // Only a return rests after a time.
            prop_assert!(same.len() == 1 || (same.is_empty() && reminder.kind == ReturnWaiting), "{:?}", after);
            prop_assert!(same.iter().all(|r| r.level >= reminder.level && r.due_at == reminder.due_at));
        }
    }
}
