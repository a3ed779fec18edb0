//! The file in which the working days of a year are written down, and the one that is compiled in.
//!
//! A row is a day on which a yearly notice of the State Council (国务院办公厅关于部分节假日安排的通知) departs from the week. Sources
//! and columns: `data/README.md`. What follows from the rows is the hub's; this module only reads them, strictly: a file
//! with one wrong line is refused as a whole, because a wrong day gives wrong deadlines silently.

use std::{collections::BTreeMap, fmt};

use jiff::civil::{Date, Weekday, date};
use serde::{Deserialize, Serialize};

/// Rows of the years that are compiled in, ascending.
///
/// # Panics
/// Never: a test reads the compiled-in file.
pub fn vendored() -> Vec<Departure> {
    read(include_str!("../data/workdays.csv")).expect("a test reads the compiled-in file")
}

/// What a listed day is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    /// No working day (放假); may be a Saturday or Sunday inside a holiday.
    Off,
    /// A Saturday or Sunday on which is worked (调休上班).
    Work,
}

/// One day on which a notice departs from the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Departure {
    /// The day, in China.
    pub date: Date,
    /// What it is.
    pub day: Day,
    /// The holiday it belongs to.
    pub name: String,
    /// The notice that says so, by its number (国办发明电〔2023〕7号) or title.
    pub notice: String,
}

/// One thing that is wrong with a file of working days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Line of the file, from 1; none when a year as a whole is meant.
    pub line: Option<u64>,
    /// What is wrong and what is expected.
    pub what: String,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// The first line of every file.
pub const HEADER: [&str; 4] = ["date", "day", "name", "notice"];

/// Days that are off every year by 《全国年节及纪念日放假办法》第二条, as month and day.
const ALWAYS_OFF: [(i8, i8); 5] = [(1, 1), (5, 1), (10, 1), (10, 2), (10, 3)];

/// Festivals by the moon and the sun, which every year has too; some years join two under one name.
const FESTIVALS: [&str; 4] = ["春节", "清明", "端午", "中秋"];

/// No year had fewer working days than 248 or more than 252; what lies far outside is a file with lines missing.
const WORKDAYS: std::ops::RangeInclusive<usize> = 240..=256;

/// Reads a file of working days.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(text: &str) -> Result<Vec<Departure>, Vec<Flaw>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    match reader.headers() {
        Ok(names) if names.iter().eq(HEADER) => {}
        _ => {
            let what = format!("the first line must be {}", HEADER.join(","));
            return Err(vec![Flaw { line: Some(1), what }]);
        }
    }
    let mut flaws = Vec::new();
    let mut rows: Vec<Departure> = Vec::new();
    for record in reader.into_deserialize::<Departure>() {
        match record {
            Err(error) => {
                let line = error.position().map(csv::Position::line);
                flaws.push(Flaw {
                    line,
                    what: format!("not a date, off or work, a name and a notice: {error}"),
                });
            }
            // A header and then one row a line: quoted line breaks are refused with the texts below.
            Ok(row) => {
                let line = Some(rows.len() as u64 + flaws.len() as u64 + 2);
                let what = flaw(&row, rows.last());
                flaws.extend(what.map(|what| Flaw { line, what }));
                rows.push(row);
            }
        }
    }
    if flaws.is_empty() {
        flaws.extend(years(&rows).into_iter().map(|what| Flaw { line: None, what }));
    }
    if flaws.is_empty() { Ok(rows) } else { Err(flaws) }
}

fn flaw(row: &Departure, before: Option<&Departure>) -> Option<String> {
    let day = row.date;
    if before.is_some_and(|before| before.date >= day) {
        return Some(format!("{day} does not come after the day above; days ascend and occur once"));
    }
    let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    if row.day == Day::Work && !weekend {
        return Some(format!("{day} is worked anyway; only Saturdays and Sundays can be `work`"));
    }
    let plain =
        |text: &str| !text.trim().is_empty() && text.len() <= 300 && !text.chars().any(char::is_control);
    (!plain(&row.name) || !plain(&row.notice))
        .then(|| "name and notice are short texts on one line; the notice makes the day provable".to_owned())
}

/// What is wrong with each year as a whole: half a year would give wrong deadlines in the other half.
fn years(rows: &[Departure]) -> Vec<String> {
    let mut years: BTreeMap<i16, Vec<&Departure>> = BTreeMap::new();
    for row in rows {
        years.entry(row.date.year()).or_default().push(row);
    }
    if years.is_empty() {
        return vec!["the file has no rows".to_owned()];
    }
    let mut wrong = Vec::new();
    for (year, rows) in years {
        let off = |day: Date| rows.iter().any(|row| row.date == day && row.day == Day::Off);
        for (month, day) in ALWAYS_OFF {
            let day = date(year, month, day);
            if !off(day) {
                wrong.push(format!("{year} is not whole: {day} is off every year"));
            }
        }
        for festival in FESTIVALS {
            if !rows.iter().any(|row| row.day == Day::Off && row.name.contains(festival)) {
                wrong.push(format!("{year} is not whole: no day off is named {festival}"));
            }
        }
        let worked = workdays(year, &rows);
        if !WORKDAYS.contains(&worked) {
            wrong.push(format!("{year} would have {worked} working days; every year has about 250"));
        }
    }
    wrong
}

fn workdays(year: i16, rows: &[&Departure]) -> usize {
    let listed: BTreeMap<Date, Day> = rows.iter().map(|row| (row.date, row.day)).collect();
    date(year, 1, 1)
        .series(jiff::ToSpan::days(1))
        .take_while(|day| day.year() == year)
        .filter(|day| match listed.get(day) {
            Some(Day::Work) => true,
            Some(Day::Off) => false,
            None => !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday),
        })
        .count()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn year(year: i16) -> String {
        let head = HEADER.join(",") + "\n";
        let rows = vendored().into_iter().filter(|row| row.date.year() == year);
        rows.fold(head, |text, row| {
            let day = if row.day == Day::Off { "off" } else { "work" };
            format!("{text}{},{day},{},{}\n", row.date, row.name, row.notice)
        })
    }

    fn refused(text: &str) -> String {
        read(text).unwrap_err().iter().map(|flaw| format!("{flaw}\n")).collect()
    }

    /// 2024 has 251 working days, 2025 has 248.
    #[test]
    fn the_compiled_in_years_are_whole() {
        let rows = vendored();
        let count = |wanted: i16| {
            let rows: Vec<_> = rows.iter().filter(|row| row.date.year() == wanted).collect();
            workdays(wanted, &rows)
        };
        let counted: Vec<_> = (2020..=2026).map(|year| (year, count(year))).collect();
        assert_eq!(
            counted,
            [(2020, 249), (2021, 250), (2022, 249), (2023, 249), (2024, 251), (2025, 248), (2026, 248)]
        );
        assert!(rows.iter().all(|row| (2020..=2026).contains(&row.date.year())));
        // 除夕 2024: the notice only encouraged leave.
        assert!(rows.iter().all(|row| row.date != date(2024, 2, 9)));
    }

    #[test]
    fn a_year_of_the_table_is_a_file() {
        for wanted in 2020..=2026 {
            assert_eq!(read(&year(wanted)).unwrap().len(), year(wanted).lines().count() - 1, "{wanted}");
        }
        assert!(
            read(&format!("\u{feff}{}", year(2024).replace('\n', "\r\n"))).is_ok(),
            "as spreadsheets write it"
        );
    }

    #[test]
    fn a_wrong_line_refuses_the_file() {
        let whole = year(2024);
        for (from, to, said) in [
            ("2024-01-01,off", "2024-01-32,off", "line 2: not a date"),
            ("2024-02-04,work", "2024-02-05,work", "line 3: 2024-02-05 is worked anyway"),
            ("2024-02-04,work", "2024-02-04,maybe", "line 3: not a date"),
            ("2024-02-04,work", "2023-02-04,work", "line 3: 2023-02-04 does not come after"),
            ("2024-02-04,work,春节", "2024-02-04,work,", "line 3: name and notice"),
            ("2024-02-04,work,春节,", "2024-02-04,work,春节,x,", "line 3: not a date"),
            ("date,day", "day,date", "line 1: the first line must be date,day,name,notice"),
            ("2024-10-02,off", "2024-10-02,work", "2024-10-02 is worked anyway"),
        ] {
            let text = refused(&whole.replace(from, to));
            assert!(text.starts_with(said) || text.contains(said), "{from} → {to}: {text}");
        }
        let doubled = whole.replace("2024-02-18,work", "2024-02-17,off");
        assert!(refused(&doubled).contains("2024-02-17 does not come after"), "{}", refused(&doubled));
    }

    #[test]
    fn half_a_year_is_refused() {
        let whole = year(2025);
        let until_june: String =
            whole.lines().filter(|line| *line < "2025-06").map(|l| format!("{l}\n")).collect();
        let text = refused(&format!("{}\n{until_june}", HEADER.join(",")));
        assert!(
            text.contains("2025-10-01 is off every year") && text.contains("no day off is named 中秋"),
            "{text}"
        );
        let without_spring: String =
            whole.lines().filter(|line| !line.contains("春节")).map(|l| format!("{l}\n")).collect();
        assert!(refused(&without_spring).contains("named 春节"));
        assert!(refused("date,day,name,notice\n").contains("no rows"));
        assert!(refused("").contains("the first line must be"));
    }
}
