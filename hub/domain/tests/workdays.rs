//! R54, R146: the published vectors of working days, every one, and properties of the count.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use jiff::{Timestamp, civil::Date};
use proptest::prelude::*;
use serde::Deserialize;
use xiezhi_domain::workdays::{Calendar, day_of, written};
use xiezhi_schemas::workdays::vendored;

#[derive(Deserialize)]
struct Vectors {
    deadlines: Vec<Due>,
    is_workday: Vec<Workday>,
    on_time: Vec<OnTime>,
    count: Vec<Count>,
    errors: Vec<Refused>,
}

#[derive(Deserialize)]
struct Due {
    id: String,
    start: Timestamp,
    n: u32,
    due_date: Date,
    due_exclusive: String,
}

#[derive(Deserialize)]
struct Workday {
    date: Date,
    workday: bool,
}

#[derive(Deserialize)]
struct OnTime {
    id: String,
    start: Timestamp,
    n: u32,
    done: Timestamp,
    on_time: bool,
    due_exclusive: String,
}

#[derive(Deserialize)]
struct Count {
    id: String,
    after: Date,
    through: Date,
    workdays: u32,
}

#[derive(Deserialize)]
struct Refused {
    id: String,
    calendar_years: Vec<i16>,
    start: String,
    n: u32,
    expect_error: Option<String>,
    due_date: Option<Date>,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../schemas/vectors/workdays.json")).unwrap()
}

fn calendar() -> Calendar {
    Calendar::compiled_in()
}

#[test]
fn every_deadline_of_the_vectors_holds() {
    let vectors = vectors().deadlines;
    assert_eq!(vectors.len(), 44);
    for Due { id, start, n, due_date, due_exclusive } in vectors {
        let due = calendar().deadline(start, n).unwrap();
        assert_eq!((due.date, written(due.exclusive)), (due_date, due_exclusive), "{id}");
    }
}

#[test]
fn every_day_of_the_vectors_is_worked_or_not() {
    let vectors = vectors().is_workday;
    assert_eq!(vectors.len(), 30);
    for Workday { date, workday } in vectors {
        assert_eq!(calendar().is_workday(date), Ok(workday), "{date}");
    }
}

#[test]
fn every_act_of_the_vectors_is_in_time_or_late() {
    let vectors = vectors().on_time;
    assert_eq!(vectors.len(), 12);
    for OnTime { id, start, n, done, on_time, due_exclusive } in vectors {
        let due = calendar().deadline(start, n).unwrap();
        assert_eq!((due.is_met_by(done), written(due.exclusive)), (on_time, due_exclusive), "{id}");
    }
}

#[test]
fn every_count_of_the_vectors_holds() {
    let vectors = vectors().count;
    assert_eq!(vectors.len(), 7);
    for Count { id, after, through, workdays } in vectors {
        assert_eq!(calendar().count(after, through), Ok(workdays), "{id}");
    }
}

#[test]
fn a_year_that_is_not_loaded_has_no_answer() {
    let vectors = vectors().errors;
    assert_eq!(vectors.len(), 3);
    for Refused { id, calendar_years, start, n, expect_error, due_date } in vectors {
        let rows: Vec<_> =
            vendored().into_iter().filter(|row| calendar_years.contains(&row.date.year())).collect();
        let calendar = Calendar::of(&rows);
        assert_eq!(calendar.years().collect::<Vec<_>>(), calendar_years, "{id}");
        match (start.parse::<Timestamp>(), expect_error.as_deref()) {
            (Err(_), Some("OFFSET_MISSING")) => {}
            (Ok(start), Some("CALENDAR_NOT_LOADED")) => {
                let error = calendar.deadline(start, n).unwrap_err();
                assert_eq!(error.year, 2026, "{id}");
                assert!(error.to_string().starts_with("[HUB-3350] the working days of 2026 are not loaded"));
            }
            (Ok(start), None) => {
                assert_eq!(Some(calendar.deadline(start, n).unwrap().date), due_date, "{id}");
            }
            other => panic!("{id}: {other:?}"),
        }
    }
    let beyond = "2026-12-31T10:00:00+08:00".parse().unwrap();
    assert_eq!(calendar().deadline(beyond, 1).unwrap_err().year, 2027);
    assert!(Calendar::of(&[]).is_workday("2024-03-04".parse().unwrap()).is_err());
}

/// R54: 登簿 on 2024-02-09 is due at the end of 2024-02-18.
#[test]
fn the_new_years_eve_that_was_worked() {
    let due = calendar().deadline("2024-02-09T17:00:00+08:00".parse().unwrap(), 1).unwrap();
    assert_eq!(written(due.exclusive), "2024-02-19T00:00:00+08:00");
    let calendar = calendar();
    let basis: Vec<_> = calendar.departures("2024-02-09".parse().unwrap(), due.date).collect();
    assert_eq!(basis.len(), 9, "eight days off and one worked: {basis:?}");
    assert!(basis.iter().all(|row| row.name == "春节" && row.notice == "国办发明电〔2023〕7号"));
    assert_eq!(calendar.departures(due.date, due.date).count(), 0);
}

#[test]
fn a_further_file_adds_a_year_or_replaces_one() {
    let rows = vendored();
    let of = |year: i16| rows.iter().filter(|row| row.date.year() == year).cloned().collect::<Vec<_>>();
    let until_2025 =
        Calendar::of(&rows.iter().filter(|r| r.date.year() <= 2025).cloned().collect::<Vec<_>>());
    let today = "2025-11-20".parse().unwrap();
    assert_eq!(until_2025.reaches(today), Some("2025-12-31".parse().unwrap()));
    assert_eq!(until_2025.clone().extended(&of(2026)), calendar());
    assert_eq!(calendar().reaches(today), Some("2026-12-31".parse().unwrap()));
    assert_eq!(until_2025.reaches("2026-01-01".parse().unwrap()), None);

    // A replaced year has nothing left of its former rows.
    let mut moved = of(2025);
    moved.retain(|row| row.date != "2025-10-11".parse::<Date>().unwrap());
    let replaced = calendar().extended(&moved);
    assert_eq!(replaced.is_workday("2025-10-11".parse().unwrap()), Ok(false));
    assert_eq!(replaced.years().collect::<Vec<_>>(), calendar().years().collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn the_deadline_is_the_nth_working_day(second in 0_i64..200_000_000, n in 1_u32..60) {
        let start = "2020-01-01T00:00:00+08:00".parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_secs(second);
        let calendar = calendar();
        let due = calendar.deadline(start, n).unwrap();
        prop_assert!(calendar.is_workday(due.date).unwrap());
        prop_assert_eq!(calendar.count(day_of(start), due.date), Ok(n));
        prop_assert!(start < due.exclusive && due.is_met_by(start));
        prop_assert_eq!(day_of(due.exclusive), due.date.tomorrow().unwrap());
        // A later start on the same day changes nothing.
        let midnight = xiezhi_domain::workdays::start_of(day_of(start));
        prop_assert_eq!(calendar.deadline(midnight, n), Ok(due));
    }
}
