//! The directory as a CSV file: `province,side,organisation,name,duty,phone,email,valid_from,valid_to`.
//!
//! UTF-8, dates as `2024-02-29`, both days included; an empty province is a national contact, an empty `valid_to` means no
//! end is known.

use std::collections::HashMap;

use xiezhi_schemas::address::ProvinceCode;

use crate::{
    http::{codes, problem::Item},
    store::contacts::Person,
};

/// The columns, in the order in which they are written.
pub(super) const HEADER: [&str; 9] =
    ["province", "side", "organisation", "name", "duty", "phone", "email", "valid_from", "valid_to"];

/// Lines of one file at the most.
const MOST: usize = 10_000;

/// Reads a file whole.
///
/// # Errors
/// Everything that is wrong with it, line by line; no value is repeated, because lines name people.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Person>, Vec<Item>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let wrong = |line: u64, what: &str, hint: &str| {
        Item::new(codes::CONTACT_FILE, format!("line {line}"), what, hint)
    };
    let named: Vec<String> =
        reader.headers().map(|h| h.iter().map(str::to_owned).collect()).unwrap_or_default();
    let mut sorted: Vec<&str> = named.iter().map(String::as_str).collect();
    let mut wanted = HEADER.to_vec();
    sorted.sort_unstable();
    wanted.sort_unstable();
    if sorted != wanted {
        return Err(vec![wrong(
            1,
            "the header names other columns",
            &format!("Write {}.", HEADER.join(",")),
        )]);
    }
    let mut problems = Vec::new();
    let mut people: Vec<Person> = Vec::new();
    let mut seen = HashMap::new();
    for (at, record) in reader.deserialize::<Person>().enumerate() {
        let line = at as u64 + 2;
        if at >= MOST {
            problems.push(wrong(line, "the file has more than 10000 lines", "Split it."));
            break;
        }
        let Ok(person) = record else {
            let hint = "side is court or registry; dates are like 2024-02-29; only province, duty, email, valid_to may be empty.";
            problems.push(wrong(line, "the line cannot be read", hint));
            continue;
        };
        let key = (
            person.province.clone(),
            person.side,
            person.organisation.clone(),
            person.name.clone(),
            person.valid_from,
        );
        if let Some(first) = seen.insert(key, line) {
            problems.push(wrong(
                line,
                &format!("the same person began on the same day on line {first}"),
                "Keep one.",
            ));
        }
        check(&person, line, &mut problems, &wrong);
        people.push(person);
    }
    if people.is_empty() && problems.is_empty() {
        problems.push(wrong(1, "the file names nobody", "Write one line for each person."));
    }
    if problems.is_empty() { Ok(people) } else { Err(problems) }
}

fn check(person: &Person, line: u64, problems: &mut Vec<Item>, wrong: &impl Fn(u64, &str, &str) -> Item) {
    if person.province.as_ref().is_some_and(|code| code.parse::<ProvinceCode>().is_err()) {
        problems.push(wrong(
            line,
            "the province is no code",
            "Two digits, or nothing for a national contact.",
        ));
    }
    let blank = |text: &str| text.trim().is_empty() || text.chars().count() > 200;
    if [&person.organisation, &person.name, &person.phone].into_iter().any(|text| blank(text)) {
        problems.push(wrong(line, "organisation, name or phone is empty or too long", "Fill them in."));
    }
    let odd_phone = |c: char| !(c.is_ascii_digit() || "+-() ,;转".contains(c));
    if person.phone.chars().any(odd_phone) || !person.phone.chars().any(|c| c.is_ascii_digit()) {
        problems.push(wrong(line, "the phone is no number", "Digits, with + - ( ) and blanks between."));
    }
    if person.email.as_ref().is_some_and(|mail| !mail.contains('@') || mail.chars().any(char::is_whitespace))
    {
        problems.push(wrong(line, "the mail address is none", "Write it whole, or leave it out."));
    }
    if person.valid_to.is_some_and(|to| to < person.valid_from) {
        problems.push(wrong(line, "the period ends before it begins", "Both days are included."));
    }
}

/// Writes people as such a file.
///
/// # Panics
/// Never: the writer works in memory.
pub(super) fn write<'a>(people: impl IntoIterator<Item = &'a Person>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    let in_memory = "writing to memory does not fail";
    writer.write_record(HEADER).expect(in_memory);
    for person in people {
        writer.serialize(person).expect(in_memory);
    }
    writer.into_inner().expect(in_memory)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    const GOOD: &str = "province,side,organisation,name,duty,phone,email,valid_from,valid_to\n\
        32,registry,虚构省自然资源厅,虚构人甲,总协调,025-00000000,a@example.invalid,2024-02-29,\n\
        ,court,虚构最高法院执行局,虚构人乙,,010-00000000转1,,2024-02-29,2024-12-31\n";

    #[test]
    fn a_file_is_read_and_written_alike() {
        let people = read(GOOD.as_bytes()).unwrap();
        assert_eq!(people.len(), 2);
        assert_eq!((people[0].province.as_deref(), people[1].province.as_deref()), (Some("32"), None));
        assert_eq!(String::from_utf8(write(&people)).unwrap(), GOOD);
        assert_eq!(read(format!("\u{feff}{GOOD}").as_bytes()).unwrap(), people);
        assert!(!format!("{people:?}").contains("虚构人甲"), "a log must not name people");
    }

    #[test]
    fn every_mistake_is_told_by_its_line_and_no_value_is_repeated() {
        let file = |line: &str| format!("{}{line}\n", GOOD);
        for (line, what) in [
            ("3,court,甲院,虚构人丙,,1,,2024-01-01,", "province"),
            ("32,tax,甲院,虚构人丙,,1,,2024-01-01,", "cannot be read"),
            ("32,court,,虚构人丙,,1,,2024-01-01,", "empty"),
            ("32,court,甲院,虚构人丙,,call me,,2024-01-01,", "phone"),
            ("32,court,甲院,虚构人丙,,1,nobody,2024-01-01,", "mail"),
            ("32,court,甲院,虚构人丙,,1,,2024-01-02,2024-01-01", "before it begins"),
            ("32,court,甲院,虚构人丙,,1,,2024-02-30,", "cannot be read"),
            (",court,虚构最高法院执行局,虚构人乙,,1,,2024-02-29,", "line 3"),
        ] {
            let problems = read(file(line).as_bytes()).unwrap_err();
            assert_eq!(problems.len(), 1, "{line}: {problems:?}");
            assert_eq!(
                (problems[0].path.as_str(), problems[0].message.contains(what)),
                ("line 4", true),
                "{problems:?}"
            );
            assert!(!format!("{problems:?}").contains("虚构人"), "{problems:?}");
        }
        assert_eq!(read(b"name,phone\n").unwrap_err()[0].path, "line 1");
        let only_header = GOOD.lines().next().unwrap();
        assert!(read(only_header.as_bytes()).is_err());
    }
}
