//! Arithmetic of seizure periods (查封期限): when a period ends, whether its years and dates say the same, when it has lapsed.
//!
//! A period includes both its days and lapses at 24:00 of the last one, Asia/Shanghai. All dates here are dates in China.

use jiff::{Span, Timestamp, Unit, civil::Date};
use xiezhi_schemas::message::Period;

use crate::workdays::CHINA;

/// The longest period of one seizure or renewal of real estate, in years.
///
/// Law: 《最高人民法院关于适用〈中华人民共和国民事诉讼法〉的解释》第四百八十五条 (不动产不得超过三年). Exceeding it warns the court and stops
/// nothing: the registry does not review it.
pub const LONGEST_YEARS: u8 = 3;

/// Last days that N years from `from` may have on paper, earliest first.
///
/// Both habits are in use: the day before the corresponding day, and the corresponding day itself. From 29 February to a
/// year without one both fall on 28 February. Empty when the calendar ends before the period does.
pub fn last_days(from: Date, years: u8) -> Vec<Date> {
    let Ok(corresponding) = from.checked_add(Span::new().years(years)) else { return Vec::new() };
    if corresponding.day() != from.day() {
        return vec![corresponding];
    }
    corresponding.yesterday().into_iter().chain([corresponding]).collect()
}

/// Whether the years and the dates of a period say the same.
pub fn agrees(period: &Period) -> bool {
    last_days(period.from, period.years).contains(&period.to)
}

/// Whether a period is longer than the law lets a court order for real estate, by its years or by its dates.
pub fn is_too_long(period: &Period) -> bool {
    period.years > LONGEST_YEARS
        || last_days(period.from, LONGEST_YEARS).last().is_some_and(|longest| period.to > *longest)
}

/// Whether a period whose last day is `to` has lapsed on `today`.
pub fn has_lapsed(to: Date, today: Date) -> bool {
    to < today
}

/// The instant at which a day begins in China; the calendar's end for a day beyond it.
pub fn start_of(day: Date) -> Timestamp {
    CHINA.to_timestamp(day.to_datetime(jiff::civil::Time::midnight())).unwrap_or(Timestamp::MAX)
}

/// The instant at which a period with the last day `to` lapses: 24:00 of that day.
pub fn lapse(to: Date) -> Timestamp {
    to.tomorrow().map_or(Timestamp::MAX, start_of)
}

/// First and last day of a waiting period of so many years that is registered on a day: it runs from the day on which the
/// waiting seizure is registered (自办理轮候查封登记手续之日起算, 法〔2024〕32号 二(三)3) and ends the day before the corresponding day.
pub fn of_waiting(registered_on: Date, years: u8) -> (Date, Date) {
    (registered_on, last_days(registered_on, years).first().copied().unwrap_or(Date::MAX))
}

/// The last day of a period as long as `from`–`to` that begins on `start`: as many whole years in the same habit (see
/// [`last_days`]), else as many days. The calendar's end when it would end beyond it.
pub fn moved(from: Date, to: Date, start: Date) -> Date {
    for years in 1..=99 {
        let ends = last_days(from, years);
        if let Some(habit) = ends.iter().position(|end| *end == to) {
            let new = last_days(start, years);
            // From 29 February both habits fall on one day; the day before is the usual one.
            return new.get(habit).or(new.first()).copied().unwrap_or(Date::MAX);
        }
        if ends.first().is_none_or(|end| *end > to) {
            break;
        }
    }
    let days = from.until((Unit::Day, to)).unwrap_or_default();
    start.checked_add(days).unwrap_or(Date::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn period(years: u8, from: &str, to: &str) -> Period {
        Period { years, from: from.parse().unwrap(), to: to.parse().unwrap() }
    }

    /// R77: end = start + N years, or the day before; 29 February ends on 28 February.
    #[test]
    fn years_and_dates_agree_in_either_habit() {
        for (years, from, to, agree) in [
            (3, "2024-03-01", "2027-02-28", true),
            (3, "2024-03-01", "2027-03-01", true),
            (3, "2024-03-01", "2027-02-27", false),
            (3, "2024-03-01", "2027-03-02", false),
            (3, "2024-02-29", "2027-02-28", true),
            (3, "2024-02-29", "2027-02-27", false),
            (3, "2024-02-29", "2027-03-01", false),
            (4, "2024-02-29", "2028-02-29", true),
            (4, "2024-02-29", "2028-02-28", true),
            (1, "2023-03-01", "2024-02-29", true),
            (1, "2023-02-28", "2024-02-28", true),
            (1, "2023-02-28", "2024-02-29", false),
            (1, "2024-01-01", "2024-12-31", true),
            (2, "2024-06-10", "2027-06-09", false),
            (99, "9999-01-01", "9999-12-31", false),
        ] {
            assert_eq!(agrees(&period(years, from, to)), agree, "{years} years {from} to {to}");
        }
    }

    /// R147: three years are in order, a day more is not.
    #[test]
    fn three_years_are_the_limit() {
        for (years, from, to, too_long) in [
            (3, "2024-03-01", "2027-02-28", false),
            (3, "2024-03-01", "2027-03-01", false),
            (3, "2024-03-01", "2027-03-02", true),
            (3, "2024-02-29", "2027-02-28", false),
            (3, "2024-02-29", "2027-03-01", true),
            (4, "2024-03-01", "2027-02-28", true),
            (1, "2024-03-01", "2030-03-01", true),
            (1, "9998-03-01", "9999-03-01", false),
        ] {
            assert_eq!(is_too_long(&period(years, from, to)), too_long, "{years} years {from} to {to}");
        }
    }

    /// R143: the last day belongs to the period.
    #[test]
    fn a_period_lapses_at_the_end_of_its_last_day() {
        assert!(!has_lapsed(date(2027, 6, 9), date(2027, 6, 9)));
        assert!(has_lapsed(date(2027, 6, 9), date(2027, 6, 10)));
    }

    /// R143: 24:00 of the last day is 00:00 of the next one in China, 16:00 in UTC.
    #[test]
    fn a_period_lapses_at_midnight_in_china() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(lapse(date(2027, 6, 9)), at("2027-06-09T16:00:00Z"));
        assert_eq!(lapse(date(2028, 2, 29)), at("2028-03-01T00:00:00+08:00"));
        assert_eq!(start_of(date(2027, 3, 1)), lapse(date(2027, 2, 28)));
        assert_eq!(lapse(Date::MAX), Timestamp::MAX);
    }

    /// R47: registered 2024-06-10 for three years, it ends 2027-06-09; 29 February ends on 28 February.
    #[test]
    fn a_waiting_period_runs_from_its_registration() {
        assert_eq!(of_waiting(date(2024, 6, 10), 3), (date(2024, 6, 10), date(2027, 6, 9)));
        assert_eq!(of_waiting(date(2024, 2, 29), 3), (date(2024, 2, 29), date(2027, 2, 28)));
    }

    /// R50: a period that begins at conversion is as long as the one that was registered.
    #[test]
    fn a_moved_period_keeps_its_length_and_habit() {
        for (from, to, start, end) in [
            ("2023-06-10", "2026-06-09", "2025-01-15", "2028-01-14"),
            ("2023-06-10", "2026-06-10", "2025-01-15", "2028-01-15"),
            ("2023-03-01", "2026-02-28", "2024-02-29", "2027-02-28"),
            ("2024-02-29", "2027-02-28", "2025-01-15", "2028-01-14"),
            ("2023-01-01", "2023-01-31", "2024-02-01", "2024-03-02"),
            ("2023-01-01", "2023-01-31", "9999-12-20", "9999-12-31"),
        ] {
            let day = |text: &str| text.parse::<Date>().unwrap();
            assert_eq!(moved(day(from), day(to), day(start)), day(end), "{from}–{to} from {start}");
        }
    }

    proptest! {
        #[test]
        fn last_days_are_neighbours_at_the_anniversary(day in 0_i64..60_000, years in 1_u8..=99) {
            let from = date(1990, 1, 1).checked_add(Span::new().days(day)).unwrap();
            let days = last_days(from, years);
            prop_assert!(matches!(days.len(), 1 | 2));
            let last = *days.last().unwrap();
            prop_assert_eq!(last.year(), from.year() + i16::from(years));
            prop_assert_eq!(last.month(), from.month());
            prop_assert_eq!(days.len() == 2, last.day() == from.day());
            if let [before, corresponding] = days[..] {
                prop_assert_eq!(before.tomorrow().unwrap(), corresponding);
            }
        }
    }
}
