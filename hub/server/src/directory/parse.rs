//! CSV files of the directory. Which table a file fills is told by its header:
//!
//! - `province,name,valid_from,valid_to`
//! - `registry,name,valid_from,valid_to[,divisions]`; `divisions` lists six-digit codes with `;` between, served for as
//!   long as the registry works
//! - `division,registry,valid_from,valid_to`, for divisions with dates of their own
//!
//! UTF-8, dates as `2024-11-01`, both days included; an empty `valid_to` means no end is known.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use xiezhi_schemas::{
    address::{ProvinceCode, RegistryCode},
    identifier::DivisionCode,
};

use super::{Named, Served, Tables};

/// What the files say, and on which line each row stands (`provinces.csv line 3`).
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) tables: Tables,
    pub(super) province_lines: BTreeMap<String, String>,
    pub(super) registry_lines: BTreeMap<String, String>,
    pub(super) division_lines: BTreeMap<(String, Date), String>,
    pub(super) problems: Vec<String>,
}

#[derive(Clone, Copy)]
enum Kind {
    Province,
    Registry,
    Division,
}

const HEADERS: &str = "province,name,valid_from,valid_to or registry,name,valid_from,valid_to[,divisions] or \
                       division,registry,valid_from,valid_to";

fn kind_of(header: &csv::StringRecord) -> Option<Kind> {
    let mut names: Vec<&str> = header.iter().map(str::trim).collect();
    names.sort_unstable();
    match names.as_slice() {
        ["name", "province", "valid_from", "valid_to"] => Some(Kind::Province),
        ["name", "registry", "valid_from", "valid_to"]
        | ["divisions", "name", "registry", "valid_from", "valid_to"] => Some(Kind::Registry),
        ["division", "registry", "valid_from", "valid_to"] => Some(Kind::Division),
        _ => None,
    }
}

impl Parsed {
    /// Adds one file. Problems are collected, never raised: one look must show all of them.
    pub(super) fn add(&mut self, file: &str, bytes: &[u8]) {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
        let header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(error) => return self.problems.push(format!("{file} line 1: {}", reason(&error))),
        };
        let Some(kind) = kind_of(&header) else {
            return self.problems.push(format!("{file} line 1: the header must be {HEADERS}"));
        };
        for record in reader.records() {
            match record {
                Ok(record) => {
                    let line = record.position().map_or(0, csv::Position::line);
                    let fields: HashMap<&str, &str> = header.iter().zip(record.iter()).collect();
                    self.row(kind, &format!("{file} line {line}"), &fields);
                }
                Err(error) => {
                    let line = error.position().map_or(0, csv::Position::line);
                    self.problems.push(format!("{file} line {line}: {}", reason(&error)));
                }
            }
        }
    }

    fn row(&mut self, kind: Kind, line: &str, fields: &HashMap<&str, &str>) {
        let get = |name: &str| fields.get(name).copied().unwrap_or_default();
        let before = self.problems.len();
        let from = self.date(line, "valid_from", get("valid_from"));
        let valid_to = match get("valid_to") {
            "" => None,
            text => self.date(line, "valid_to", text),
        };
        if let (Some(from), Some(to)) = (from, valid_to)
            && to < from
        {
            self.problems.push(format!("{line}: valid_to {to} lies before valid_from {from}"));
        }
        let name = get("name");
        if name.is_empty() && !matches!(kind, Kind::Division) {
            self.problems.push(format!("{line}: the name is empty"));
        }
        let (key, registry) = match kind {
            Kind::Province => (self.code::<ProvinceCode>(line, get("province")), String::new()),
            Kind::Registry => (self.code::<RegistryCode>(line, get("registry")), String::new()),
            Kind::Division => {
                let division = self.code::<DivisionCode>(line, get("division"));
                (division, self.code::<RegistryCode>(line, get("registry")))
            }
        };
        let divisions: Vec<String> = get("divisions")
            .split(';')
            .map(str::trim)
            .filter(|code| !code.is_empty())
            .map(|code| self.code::<DivisionCode>(line, code))
            .collect();
        let (Some(valid_from), true) = (from, self.problems.len() == before) else { return };
        let named = Named { name: name.to_owned(), valid_from, valid_to };
        let again = |lines: &str, problems: &mut Vec<String>| {
            problems.push(format!("{line}: {key} stands on {lines} already"));
        };
        match kind {
            Kind::Province => {
                if let Some(first) = self.province_lines.insert(key.clone(), line.to_owned()) {
                    again(&first, &mut self.problems);
                }
                self.tables.provinces.insert(key, named);
            }
            Kind::Registry => {
                if let Some(first) = self.registry_lines.insert(key.clone(), line.to_owned()) {
                    again(&first, &mut self.problems);
                }
                self.tables.registries.insert(key.clone(), named);
                for division in divisions {
                    self.serve(line, division, valid_from, Served { registry: key.clone(), valid_to });
                }
            }
            Kind::Division => self.serve(line, key, valid_from, Served { registry, valid_to }),
        }
    }

    fn serve(&mut self, line: &str, division: String, from: Date, served: Served) {
        let key = (division, from);
        if let Some(first) = self.division_lines.insert(key.clone(), line.to_owned()) {
            self.problems.push(format!("{line}: division {} from {from} stands on {first} already", key.0));
        }
        self.tables.divisions.insert(key, served);
    }

    fn date(&mut self, line: &str, column: &str, text: &str) -> Option<Date> {
        let date = text.parse().ok().filter(|_| text.len() == 10);
        if date.is_none() {
            self.problems.push(format!("{line}: {column} {text:?} is no date; expected YYYY-MM-DD"));
        }
        date
    }

    fn code<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, line: &str, text: &str) -> String {
        if let Err(error) = text.parse::<T>() {
            self.problems.push(format!("{line}: {error}"));
        }
        text.to_owned()
    }
}

fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8".to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} columns, the header has {expected_len}")
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn parsed(text: &[u8]) -> Parsed {
        let mut parsed = Parsed::default();
        parsed.add("f.csv", text);
        parsed
    }

    #[test]
    fn the_three_kinds_are_read() {
        let mut all = parsed("\u{feff}province,name,valid_from,valid_to\n32,江苏省,2024-11-01,\n".as_bytes());
        all.add(
            "r.csv",
            "registry,name,valid_from,valid_to,divisions\r\n320102,\"南京市, 玄武\",2024-11-01,2030-12-31,320102;320104\r\n".as_bytes(),
        );
        all.add("d.csv", b"registry,division,valid_from,valid_to\n320102,320105,2025-01-01,\n");
        assert_eq!(all.problems, [""; 0]);
        assert_eq!(all.tables.provinces["32"].name, "江苏省");
        assert_eq!(all.tables.registries["320102"].valid_to, Some("2030-12-31".parse().unwrap()));
        let served: Vec<_> =
            all.tables.divisions.keys().map(|(code, from)| format!("{code} {from}")).collect();
        assert_eq!(served, ["320102 2024-11-01", "320104 2024-11-01", "320105 2025-01-01"]);
    }

    #[test]
    fn every_problem_is_named_with_its_line() {
        let file = "registry,name,valid_from,valid_to,divisions\n\
                    320102,南京,2024-11-01,,320102\n\
                    32010,南京,2024-13-01,,\n\
                    320104,,2024-11-01,2023-01-01,999999\n\
                    320102,南京,2024-11-01,,320102\n\
                    320105,南京\n";
        let problems = parsed(file.as_bytes()).problems;
        for (at, (line, words)) in [
            (3, "valid_from"),
            (3, "registry"),
            (4, "lies before"),
            (4, "name is empty"),
            (4, "begins with 99"),
            (5, "320102 stands on f.csv line 2 already"),
            (5, "division 320102"),
            (6, "2 columns"),
        ]
        .into_iter()
        .enumerate()
        {
            let problem = &problems[at];
            let said = problem.starts_with(&format!("f.csv line {line}: ")) && problem.contains(words);
            assert!(said, "{at}: {problem}");
        }
        assert_eq!(problems.len(), 8, "{problems:#?}");
        assert!(parsed(b"a,b\n1,2\n").problems[0].contains("the header must be"));
        assert!(parsed(b"").problems[0].contains("the header must be"));
        let latin = b"province,name,valid_from,valid_to\n32,\xbd\xad\xcb\xd5,2024-11-01,\n";
        assert_eq!(parsed(latin).problems, ["f.csv line 2: is not UTF-8"]);
    }
}
