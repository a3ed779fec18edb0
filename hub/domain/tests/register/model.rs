//! A slow model, written another way: it walks through every day, asks each seizure at each midnight whether its last day
//! is over, and keeps a plain line of names. Over thousands of random lives the register must say the same, in whatever
//! sequence the reports reach the hub, and the log must rebuild it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Span, Timestamp, ToSpan, civil::Date};
use proptest::prelude::*;
use uuid::Uuid;
use xiezhi_domain::register::{Action, Place, Register, Report, Stand, Term, WaitingRule, history, learn};

use super::kit::*;

/// What somebody does on a day, by names instead of ids.
#[derive(Debug, Clone)]
enum Deed {
    Seize { name: usize, days: i32 },
    Renew { name: usize, days: i32 },
    Lift { name: usize },
}

/// Deeds with their instants: day from the first one, second of that day. Periods stay below a year, since whole years are moved as
/// years and not as days (see the tables of `period`).
fn life() -> impl Strategy<Value = Vec<(i32, i32, Deed)>> {
    let name = 0_usize..6;
    let deed = prop_oneof![
        4 => (name.clone(), 1_i32..360).prop_map(|(name, days)| Deed::Seize { name, days }),
        2 => (name.clone(), 1_i32..360).prop_map(|(name, days)| Deed::Renew { name, days }),
        3 => name.prop_map(|name| Deed::Lift { name }),
    ];
    prop::collection::vec((0_i32..600, 0_i32..86_400, deed), 1..25).prop_map(|mut deeds| {
        deeds.sort_by_key(|(day, second, _)| (*day, *second));
        deeds.dedup_by_key(|(day, second, _)| (*day, *second));
        deeds
    })
}

const LAST_DAY: i32 = 900;

fn date(day: i32) -> Date {
    // The walk passes 29 February 2024 and the cut-over day of the kit.
    jiff::civil::date(2023, 10, 1).checked_add(Span::new().days(day)).unwrap()
}

fn instant(day: i32, second: i32) -> Timestamp {
    jiff::tz::offset(8).to_timestamp(date(day).at(0, 0, 0, 0)).unwrap() + second.seconds()
}

/// One line of the model's book.
#[derive(Debug, Clone)]
struct Line {
    id: Uuid,
    name: usize,
    formal: bool,
    /// Last day; none while the period has not begun.
    last: Option<Date>,
    length: i32,
    ended: Option<&'static str>,
}

/// Walks through the days. Gives the reports that a registry without fault would send, and the book at the end.
fn walk(deeds: &[(i32, i32, Deed)]) -> (Vec<Report>, Vec<Line>) {
    let (mut book, mut reports): (Vec<Line>, Vec<Report>) = (Vec::new(), Vec::new());
    let mut deeds = deeds.iter().enumerate().peekable();
    for today in 0..=LAST_DAY {
        // Midnight: yesterday may have been somebody's last day.
        let mut ended = false;
        for line in book.iter_mut().filter(|line| line.ended.is_none()) {
            if line.last.is_some_and(|last| last < date(today)) {
                line.ended = Some("lapsed");
                ended = true;
            }
        }
        if ended {
            move_up(&mut book, today);
        }
        while let Some((n, (_, second, deed))) = deeds.next_if(|(_, (day, ..))| *day == today) {
            let id = Uuid::from_u128(n as u128 + 1);
            let report = act(&mut book, id, today, deed);
            let registered_at = instant(today, *second);
            let received_at = registered_at + SignedDuration::from_mins(1);
            reports.push(Report {
                request_id: id,
                received_at,
                accepted_at: registered_at,
                registered_at,
                action: report,
            });
        }
    }
    (reports, book)
}

fn move_up(book: &mut [Line], today: i32) {
    let mut live = book.iter_mut().filter(|line| line.ended.is_none());
    if let Some(first) = live.next()
        && !first.formal
    {
        first.formal = true;
        if first.last.is_none() {
            first.last = Some(date(today + first.length - 1));
        }
    }
}

fn act(book: &mut Vec<Line>, id: Uuid, today: i32, deed: &Deed) -> Action {
    let term = |days: i32| Term { from: date(today), to: date(today + days - 1) };
    let line = |ahead: usize| Place::behind(u32::try_from(ahead).unwrap());
    let named = |book: &[Line], name: usize| -> Option<usize> {
        let all: Vec<usize> =
            (0..book.len()).filter(|at| book[*at].name == name && book[*at].ended.is_none()).collect();
        if let [one] = all[..] { Some(one) } else { None }
    };
    let ahead = |book: &[Line], at: usize| book[..at].iter().filter(|line| line.ended.is_none()).count();
    let letter = |name: usize| number(["A", "B", "C", "D", "E", "F"][name]);
    match *deed {
        Deed::Seize { name, days } => {
            let before = ahead(book, book.len());
            let rule = CUT_OVER.rule(date(today));
            let sleeps = before > 0 && rule == WaitingRule::FromConversion;
            let last = (!sleeps).then(|| date(today + days - 1));
            book.push(Line { id, name, formal: before == 0, last, length: days, ended: None });
            Action::Seizure { number: letter(name), place: line(before), term: term(days), rule }
        }
        Deed::Renew { name, days } => {
            let at = named(book, name);
            if let Some(at) = at {
                book[at].length = days;
                book[at].last = book[at].last.map(|_| date(today + days - 1));
            }
            let place = line(at.map_or(0, |at| ahead(book, at)));
            Action::Renewal { original: letter(name), place, term: term(days) }
        }
        Deed::Lift { name } => {
            if let Some(at) = named(book, name) {
                book[at].ended = Some("lifted");
                move_up(book, today);
            }
            Action::Lifting { original: letter(name), seized_on: None }
        }
    }
}

/// What either of them says about a seizure: how it stands or ended, and its last day while it stands and runs.
fn of_book(book: &[Line]) -> BTreeMap<Uuid, String> {
    let mut waiting = 0;
    book.iter()
        .map(|line| {
            let stand = match (line.ended, line.formal) {
                (Some(ended), _) => ended.to_owned(),
                (None, true) => format!("formal {:?}", line.last.unwrap()),
                (None, false) => {
                    waiting += 1;
                    format!("waiting {waiting} {:?}", line.last)
                }
            };
            (line.id, stand)
        })
        .collect()
}

fn of_register(register: &Register) -> BTreeMap<Uuid, String> {
    let places: BTreeMap<Uuid, Place> = register.places().into_iter().collect();
    let say =
        |seizure: &xiezhi_domain::register::Seizure| match (seizure.stand, places.get(&seizure.request_id)) {
            (Stand::Lifted { .. }, None) => "lifted".to_owned(),
            (Stand::Lapsed { .. }, None) => "lapsed".to_owned(),
            (Stand::Formal { .. }, Some(Place::Formal)) => format!("formal {:?}", seizure.term.to),
            (Stand::Waiting, Some(Place::Waiting(n))) => {
                format!("waiting {n} {:?}", seizure.lapses_at().map(|_| seizure.term.to))
            }
            odd => panic!("{odd:?}"),
        };
    register.all().iter().map(|seizure| (seizure.request_id, say(seizure))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// R46, R48, R50, R143, R148 against the model; R150: the log rebuilds what is live.
    #[test]
    fn the_register_is_what_the_walk_through_the_days_makes(
        (deeds, arrivals) in life().prop_flat_map(|deeds| {
            let arrivals: Vec<usize> = (0..deeds.len()).collect();
            (Just(deeds), Just(arrivals).prop_shuffle())
        }),
    ) {
        let (reports, book) = walk(&deeds);
        let end = instant(LAST_DAY, 0);
        let whole = history(&reports, end);
        prop_assert_eq!(of_register(&whole.register), of_book(&book));
        prop_assert_eq!(&whole.oddities, &[], "a registry without fault gives no cause for a remark");

        // As they happen: each report when it is registered, with the time between.
        let mut kept = (Vec::new(), Timestamp::MIN, Register::default());
        for report in &reports {
            take(&mut kept, Some(report.clone()), report.received_at);
        }
        take(&mut kept, None, end);
        prop_assert_eq!(&kept.2, &whole.register);

        // In any other sequence, and with the clock at the end from the beginning.
        let mut kept = (Vec::new(), Timestamp::MIN, Register::default());
        for at in arrivals {
            let report = Report { received_at: end, ..reports[at].clone() };
            take(&mut kept, Some(report), end);
        }
        prop_assert_eq!(of_register(&kept.2), of_book(&book));
    }

    /// R150 for registries that report anything at all: the log rebuilds the register, and each entry's `before` is what
    /// the log had.
    #[test]
    fn the_log_rebuilds_the_register_whatever_is_reported(
        deeds in life(),
        places in prop::collection::vec(0_u32..4, 25),
        delays in prop::collection::vec(0_i64..2_000, 25),
    ) {
        let (mut reports, _) = walk(&deeds);
        for ((report, ahead), hours) in reports.iter_mut().zip(places).zip(delays) {
            report.received_at = report.registered_at + SignedDuration::from_hours(hours);
            if let Action::Seizure { place, .. } | Action::Renewal { place, .. } = &mut report.action {
                *place = Place::behind(ahead);
            }
        }
        reports.sort_by_key(|report| report.received_at);
        let mut kept = (Vec::new(), Timestamp::MIN, Register::default());
        for report in reports {
            let now = report.received_at;
            take(&mut kept, Some(report), now);
        }
    }
}

/// Learns as the hub does and checks the log against the register at every step.
fn take(kept: &mut (Vec<Report>, Timestamp, Register), report: Option<Report>, now: Timestamp) {
    let (reports, recorded, rebuilt) = kept;
    let (entries, live) = learn(reports, *recorded, report.clone(), now);
    reports.extend(report);
    *recorded = now.max(*recorded);
    for entry in entries {
        for before in &entry.before {
            assert_eq!(rebuilt.find(before.request_id), Some(before));
        }
        rebuilt.apply(&entry.after);
    }
    assert_eq!(*rebuilt, live.register);
}
