//! Working days (工作日): the one function that every deadline counted in working days uses.
//!
//! The day of the event, in China, is day 0 and not counted; each following working day counts one; the deadline is the
//! end (24:00) of the N-th (《民法典》第二百零一条, 第二百零三条). Make-up Saturdays and Sundays are working days. Which days are worked
//! is data, year by year: a day of a year that is not loaded has no answer, because guessing from the week gives wrong
//! dates.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{
    Timestamp,
    civil::{Date, Time, Weekday},
    tz::{Offset, TimeZone},
};
use xiezhi_schemas::workdays::{Day, Departure, vendored};

/// The time of China (Asia/Shanghai). A fixed offset: it has not changed since 1991, and no year before 2020 is loaded.
pub const CHINA: Offset = jiff::tz::offset(8);

/// Most working days that a deadline may count; the law's are 1, 5 and 10.
pub const MOST_DAYS: u32 = 366;

/// The day in China on which an instant falls.
pub fn day_of(at: Timestamp) -> Date {
    CHINA.to_datetime(at).date()
}

/// The instant at which a day begins in China.
///
/// # Panics
/// For the first and the last days that the calendar of `jiff` has, years -9999 and 9999.
pub fn start_of(day: Date) -> Timestamp {
    CHINA
        .to_timestamp(day.to_datetime(Time::midnight()))
        .expect("days of law lie far from the calendar's ends")
}

/// An instant as it is written in China: RFC 3339 with `+08:00`, to the second.
pub fn written(at: Timestamp) -> String {
    at.to_zoned(TimeZone::fixed(CHINA)).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// The days that are worked, for the years that are loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    departures: BTreeMap<Date, Departure>,
    years: BTreeSet<i16>,
}

/// The working days of a year are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "[HUB-3350] the working days of {year} are not loaded (known: {first} to {last}); load that year's holiday notice"
)]
pub struct NotLoaded {
    /// The year that is missing.
    pub year: i16,
    /// First year that is loaded; 0 if none is.
    pub first: i16,
    /// Last year that is loaded; 0 if none is.
    pub last: i16,
}

/// Until when something must have been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// The last day on which it is in time.
    pub date: Date,
    /// The first instant that is late: the end of that day.
    pub exclusive: Timestamp,
}

impl Deadline {
    /// Whether something done at that instant was in time.
    pub fn is_met_by(&self, done: Timestamp) -> bool {
        done < self.exclusive
    }
}

impl Calendar {
    /// The years that these rows name; each must be whole, as [`xiezhi_schemas::workdays::read`] makes sure.
    pub fn of(rows: &[Departure]) -> Self {
        Self {
            departures: rows.iter().map(|row| (row.date, row.clone())).collect(),
            years: rows.iter().map(|row| row.date.year()).collect(),
        }
    }

    /// The compiled-in years.
    pub fn compiled_in() -> Self {
        Self::of(&vendored())
    }

    /// The same with further years; a year that was known is replaced as a whole.
    #[must_use]
    pub fn extended(mut self, rows: &[Departure]) -> Self {
        let more = Self::of(rows);
        self.departures.retain(|day, _| !more.years.contains(&day.year()));
        self.departures.extend(more.departures);
        self.years.extend(more.years);
        self
    }

    /// The loaded years, ascending.
    pub fn years(&self) -> impl Iterator<Item = i16> {
        self.years.iter().copied()
    }

    /// The last day from `from` on up to which every year is loaded; `None` if the year of `from` is not.
    pub fn reaches(&self, from: Date) -> Option<Date> {
        let last = (from.year()..).take_while(|year| self.years.contains(year)).last()?;
        Some(jiff::civil::date(last, 12, 31))
    }

    /// Whether a day is worked.
    ///
    /// # Errors
    /// When its year is not loaded.
    pub fn is_workday(&self, day: Date) -> Result<bool, NotLoaded> {
        if !self.years.contains(&day.year()) {
            let end = |year: Option<&i16>| year.copied().unwrap_or_default();
            let (first, last) = (end(self.years.first()), end(self.years.last()));
            return Err(NotLoaded { year: day.year(), first, last });
        }
        Ok(match self.departures.get(&day).map(|row| row.day) {
            Some(Day::Work) => true,
            Some(Day::Off) => false,
            None => !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday),
        })
    }

    /// The days after one day, up to and with another, on which a notice departs from the week: what a date rests on.
    pub fn departures(&self, after: Date, through: Date) -> impl Iterator<Item = &Departure> {
        let from = next(after).min(next(through));
        self.departures.range(from..next(through)).map(|(_, row)| row)
    }

    /// The deadline of `n` working days after an instant; for `n` = 0 the day of the instant itself.
    ///
    /// # Errors
    /// When a day after the start lies in a year that is not loaded.
    pub fn deadline(&self, start: Timestamp, n: u32) -> Result<Deadline, NotLoaded> {
        let mut day = day_of(start);
        let mut left = n;
        while left > 0 {
            day = next(day);
            left -= u32::from(self.is_workday(day)?);
        }
        Ok(Deadline { date: day, exclusive: start_of(next(day)) })
    }

    /// How many working days lie after one day, up to and with another.
    ///
    /// # Errors
    /// When one of the days lies in a year that is not loaded.
    pub fn count(&self, after: Date, through: Date) -> Result<u32, NotLoaded> {
        let mut day = after;
        let mut count = 0;
        while day < through {
            day = next(day);
            count += u32::from(self.is_workday(day)?);
        }
        Ok(count)
    }
}

fn next(day: Date) -> Date {
    day.tomorrow().expect("days of law lie far from the calendar's ends")
}
