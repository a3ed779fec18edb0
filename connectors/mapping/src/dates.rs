//! Dates and times in the forms of local systems. A pattern is written as their documents write it: `yyyy/MM/dd HH:mm:ss`.
//! All local times are of Asia/Shanghai.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};

/// A checked pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    strtime: String,
    has_time: bool,
    short_year: bool,
}

/// Letters of a pattern and what they mean to the library below; the longest of one letter first.
const LETTERS: [(&str, &str, bool); 12] = [
    ("yyyy", "%Y", false),
    ("yy", "%y", false),
    ("MM", "%m", false),
    ("M", "%-m", false),
    ("dd", "%d", false),
    ("d", "%-d", false),
    ("HH", "%H", true),
    ("H", "%-H", true),
    ("mm", "%M", true),
    ("ss", "%S", true),
    ("SSS", "%3f", true),
    ("SSSSSS", "%6f", true),
];

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it, and which letters there are.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut strtime = String::new();
        let (mut has_time, mut short_year, mut fields) = (false, false, 0);
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if !first.is_ascii_alphabetic() {
                strtime.push(first);
                if first == '%' {
                    strtime.push('%');
                }
                rest = &rest[first.len_utf8()..];
                continue;
            }
            let run = rest.len() - rest.trim_start_matches(first).len();
            let letters = &rest[..run];
            let Some((_, directive, time)) = LETTERS.iter().find(|(known, ..)| *known == letters) else {
                return Err(format!(
                    "`{letters}` is no part of a date; there are yyyy yy MM M dd d HH H mm ss SSS SSSSSS, and signs or \
                     Chinese characters between them"
                ));
            };
            strtime.push_str(directive);
            has_time |= time;
            short_year |= letters == "yy";
            fields += 1;
            rest = &rest[run..];
        }
        if fields == 0 {
            return Err("the pattern names no part of a date".into());
        }
        Ok(Self { strtime, has_time, short_year })
    }

    /// A day, or an instant as a local day and time.
    pub(crate) fn format(&self, text: &str) -> Result<String, String> {
        let local: DateTime = match text.parse::<Timestamp>() {
            Ok(instant) => instant.to_zoned(shanghai()?).datetime(),
            Err(_) => match text.parse::<Date>() {
                Ok(_) if self.has_time => {
                    return Err("is a day and has no time of day; leave HH mm ss out of the pattern".into());
                }
                Ok(day) => day.to_datetime(jiff::civil::Time::midnight()),
                Err(_) => return Err("is neither a day nor an instant of the published form".into()),
            },
        };
        jiff::fmt::strtime::format(&self.strtime, local).map_err(|_| "cannot be written so".into())
    }

    /// A local day as `2024-03-01`.
    pub(crate) fn day(&self, text: &str) -> Result<String, String> {
        Ok(self.read(text)?.date().to_string())
    }

    /// A local day and time as an instant in UTC.
    pub(crate) fn instant(&self, text: &str) -> Result<String, String> {
        if !self.has_time {
            return Err("is to become an instant, but the pattern has no time of day".into());
        }
        let local = self.read(text)?;
        let zoned = shanghai()?.to_ambiguous_zoned(local).unambiguous();
        let zoned = zoned.map_err(|_| "did not exist, or was twice, on the clocks of its day".to_owned())?;
        Ok(zoned.timestamp().to_string())
    }

    fn read(&self, text: &str) -> Result<DateTime, String> {
        if self.short_year {
            return Err("cannot be read: a year of two digits does not say its century; use yyyy".into());
        }
        let unread = || "is not of the form of the pattern".to_owned();
        let parsed = jiff::fmt::strtime::parse(&self.strtime, text).map_err(|_| unread())?;
        let local = match self.has_time {
            true => parsed.to_datetime(),
            false => parsed.to_date().map(|day| day.to_datetime(jiff::civil::Time::midnight())),
        }
        .map_err(|_| unread())?;
        // The library is lenient about blanks and leading zeros; what would not be written so was not meant so.
        match jiff::fmt::strtime::format(&self.strtime, local) {
            Ok(again) if again == text => Ok(local),
            _ => Err(unread()),
        }
    }
}

fn shanghai() -> Result<TimeZone, String> {
    TimeZone::get("Asia/Shanghai")
        .map_err(|_| "cannot be placed: the time zone Asia/Shanghai is missing".into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn local_forms_are_written() {
        for (pattern, value, expected) in [
            ("yyyy/MM/dd HH:mm:ss", "2024-03-01T16:02:03Z", "2024/03/02 00:02:03"),
            ("yyyyMMdd", "2024-03-01", "20240301"),
            ("yyyy年M月d日", "2024-03-01", "2024年3月1日"),
            ("yyMMdd", "2024-03-01", "240301"),
            ("yyyy-MM-dd HH:mm:ss.SSS", "2024-03-01T01:02:03.456789Z", "2024-03-01 09:02:03.456"),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().format(value).unwrap(), expected);
        }
        assert!(Pattern::parse("yyyyMMddHH").unwrap().format("2024-03-01").is_err());
        assert!(Pattern::parse("yyyy").unwrap().format("甲某").is_err());
    }

    #[test]
    fn local_forms_are_read_strictly() {
        let instant = |pattern: &str, text: &str| Pattern::parse(pattern).unwrap().instant(text);
        assert_eq!(instant("yyyy/MM/dd HH:mm:ss", "2024/03/02 00:02:03").unwrap(), "2024-03-01T16:02:03Z");
        for bad in ["2024/3/2 00:02:03", "2024/03/02 0:02:03", "2024/03/02 00:02:03 ", "2024/02/30 00:00:00"]
        {
            assert!(instant("yyyy/MM/dd HH:mm:ss", bad).is_err(), "{bad}");
        }
        // Clocks stood still for an hour on this day; nobody knows which of the two was meant.
        assert!(instant("yyyy-MM-dd HH:mm:ss", "1991-09-15 01:30:00").is_err());
        let day = |pattern: &str, text: &str| Pattern::parse(pattern).unwrap().day(text);
        assert_eq!(day("yyyy年M月d日", "2024年3月1日").unwrap(), "2024-03-01");
        assert_eq!(day("yyyyMMdd", "20240301").unwrap(), "2024-03-01");
        assert!(day("yyyyMMdd", "20241301").is_err());
        assert!(day("yyMMdd", "240301").is_err());
    }

    #[test]
    fn patterns_are_checked() {
        for bad in ["", "年", "YYYY", "yyyy-mm-DD", "yyyyMMddTHH", "hh"] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
    }
}
