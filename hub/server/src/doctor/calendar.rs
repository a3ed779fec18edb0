//! Working days: whether the loaded years are sound and reach far enough.

use super::{Check, Status};
use crate::{
    calendar::{self, Reach},
    code::chain,
    config::{CalendarSettings, Loaded},
    directory::today,
};

pub(super) fn check(settings: &Loaded) -> Check {
    const NAME: &str = "calendar";
    const ADVICE: &str = "write the State Council's holiday notice for the next year into a file and name it in calendar.extra_file (schemas/data/README.md)";
    let section: CalendarSettings = match settings.section(NAME) {
        Ok(section) => section,
        Err(_) => return Check::skipped(NAME, "its settings are not sound"),
    };
    let calendar = match calendar::load(&section) {
        Ok(calendar) => calendar,
        Err(error) => {
            return Check::bad(
                NAME,
                Status::Fail,
                chain(&error),
                "correct the file; `hub workdays` reads it too",
            );
        }
    };
    let years: Vec<String> = calendar.years().map(|year| year.to_string()).collect();
    match Reach::of(&calendar, today(), section.warn_days) {
        Reach::Fine { last, .. } => Check::ok(NAME, format!("working days are known up to {last}")),
        Reach::EndsSoon { last, days } => Check::bad(
            NAME,
            Status::Warn,
            format!("[HUB-3354] working days are known up to {last} only, {days} days from now"),
            ADVICE,
        ),
        Reach::Ended => Check::bad(
            NAME,
            Status::Fail,
            format!(
                "[HUB-3350] this year's working days are not known (loaded: {}); no deadline can be counted",
                years.join(", ")
            ),
            ADVICE,
        ),
    }
}
