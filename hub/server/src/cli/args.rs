//! Values that several commands read from the command line.

use jiff::{Timestamp, civil::Date};

use crate::directory::zone;

/// An instant: `2027-01-01T00:00:00Z`, or a day, of which the end in Asia/Shanghai is meant.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let day: Date = text
        .parse()
        .map_err(|_| "expected a day (2027-01-01) or an instant (2027-01-01T00:00:00Z)".to_owned())?;
    let next = day.tomorrow().map_err(|error| error.to_string())?;
    next.to_zoned(zone()).map(|at| at.timestamp()).map_err(|error| error.to_string())
}

/// Who works on this machine, for the audit: the login name that the system gives, marked as of the host.
pub(super) fn actor() -> String {
    let name = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_default();
    let name: String = name.chars().filter(|c| c.is_ascii_graphic()).take(64).collect();
    format!("host:{}", if name.is_empty() { "unknown" } else { &name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_means_its_end_in_china() {
        assert_eq!(instant("2026-12-31").map(|at| at.to_string()), Ok("2026-12-31T16:00:00Z".to_owned()));
        assert!(instant("2027-01-01T00:00:00Z").is_ok() && instant("tomorrow").is_err());
    }
}
