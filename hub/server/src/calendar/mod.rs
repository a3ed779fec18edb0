//! The working-day calendar of this hub: the compiled-in years and those of the configured file.
//!
//! What a working day is stands in [`xiezhi_domain::workdays`]; here the file is read, and the end of the loaded years is
//! watched, so that next year's notice is loaded before a deadline needs it.

mod watch;

use std::{io, path::PathBuf};

use jiff::civil::Date;
use xiezhi_domain::workdays::Calendar;
use xiezhi_schemas::workdays::{Flaw, read};

pub use watch::watch;

use crate::config::CalendarSettings;

/// Why there is no calendar; the hub does not start with half of one.
#[derive(Debug, thiserror::Error)]
pub enum CalendarError {
    /// The file cannot be read.
    #[error("[HUB-3352] the file of working days {path} (calendar.extra_file) cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file contradicts its form or itself.
    #[error("[HUB-3353] the file of working days {path} is not sound; nothing of it is used\n{}", list(.flaws))]
    Unsound {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong.
        flaws: Vec<Flaw>,
    },
}

impl CalendarError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "HUB-3352",
            Self::Unsound { .. } => "HUB-3353",
        }
    }
}

fn list(flaws: &[Flaw]) -> String {
    flaws.iter().map(Flaw::to_string).collect::<Vec<_>>().join("\n")
}

/// The compiled-in years with those of the configured file.
///
/// # Errors
/// When the file cannot be read or is not sound.
pub fn load(settings: &CalendarSettings) -> Result<Calendar, CalendarError> {
    let calendar = Calendar::compiled_in();
    let Some(path) = settings.extra() else { return Ok(calendar) };
    let text = std::fs::read_to_string(path)
        .map_err(|source| CalendarError::Unreadable { path: path.to_owned(), source })?;
    let rows = read(&text).map_err(|flaws| CalendarError::Unsound { path: path.to_owned(), flaws })?;
    Ok(calendar.extended(&rows))
}

/// How far the loaded years reach, seen from a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The day's own year is not loaded: no deadline can be counted.
    Ended,
    /// They end within the days of warning.
    EndsSoon {
        /// Last day that is known.
        last: Date,
        /// Days until then.
        days: i32,
    },
    /// Far enough.
    Fine {
        /// Last day that is known.
        last: Date,
        /// Days until then.
        days: i32,
    },
}

impl Reach {
    /// How far `calendar` reaches on `today`.
    pub fn of(calendar: &Calendar, today: Date, warn_days: u32) -> Self {
        let Some(last) = calendar.reaches(today) else { return Self::Ended };
        let days = last.duration_since(today).as_hours() / 24;
        let days = i32::try_from(days).unwrap_or(i32::MAX);
        if i64::from(days) <= i64::from(warn_days) {
            Self::EndsSoon { last, days }
        } else {
            Self::Fine { last, days }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use jiff::civil::date;

    use super::*;

    fn settings(path: &str) -> CalendarSettings {
        CalendarSettings { extra_file: path.into(), warn_days: 60 }
    }

    /// A made-up 2027; the real notice is not out.
    const MADE_UP: &str = "date,day,name,notice\n2027-01-01,off,元旦,虚构通知\n2027-02-08,off,春节,虚构通知\n\
                           2027-02-09,off,春节,虚构通知\n2027-04-05,off,清明,虚构通知\n2027-05-01,off,劳动节,虚构通知\n\
                           2027-06-09,off,端午,虚构通知\n2027-09-15,off,中秋,虚构通知\n2027-10-01,off,国庆节,虚构通知\n\
                           2027-10-02,off,国庆节,虚构通知\n2027-10-03,off,国庆节,虚构通知\n2027-10-04,off,国庆节,虚构通知\n\
                           2027-10-09,work,国庆节,虚构通知\n";

    #[test]
    fn a_file_brings_the_next_year() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("2027.csv");
        std::fs::write(&path, MADE_UP).unwrap();
        let path = path.to_str().unwrap();
        let start = "2026-12-31T10:00:00+08:00".parse().unwrap();
        assert_eq!(load(&settings("")).unwrap().deadline(start, 1).unwrap_err().year, 2027);
        let calendar = load(&settings(path)).unwrap();
        assert_eq!(calendar.deadline(start, 1).unwrap().date, date(2027, 1, 4));
        assert_eq!(calendar.is_workday(date(2027, 10, 9)), Ok(true));

        std::fs::write(path, MADE_UP.replace("2027-01-01,off", "2027-01-01,work")).unwrap();
        let error = load(&settings(path)).unwrap_err();
        assert!(error.code() == "HUB-3353" && error.to_string().contains("line 2: 2027-01-01"), "{error}");
        let error = load(&settings("/nowhere/2027.csv")).unwrap_err();
        assert!(error.code() == "HUB-3352" && error.to_string().contains("/nowhere/2027.csv"), "{error}");
    }

    #[test]
    fn the_alarm_rings_sixty_days_ahead() {
        let calendar = Calendar::compiled_in();
        let last = date(2026, 12, 31);
        for (today, expected) in [
            (date(2026, 11, 1), Reach::EndsSoon { last, days: 60 }),
            (date(2026, 10, 31), Reach::Fine { last, days: 61 }),
            (date(2026, 12, 31), Reach::EndsSoon { last, days: 0 }),
            (date(2027, 1, 1), Reach::Ended),
        ] {
            assert_eq!(Reach::of(&calendar, today, 60), expected, "{today}");
        }
    }
}
