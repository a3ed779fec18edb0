//! Arithmetic of seizure periods (查封期限): when a period ends, whether its years and dates say the same, when it has lapsed.
//!
//! A period includes both its days and lapses at 24:00 of the last one, Asia/Shanghai. All dates here are dates in China.

use jiff::{Span, civil::Date};
use xiezhi_schemas::message::Period;

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
