//! `hub workdays`: until when something is due that is counted in working days.

use std::io::{self, BufRead, Write};

use clap::Args;
use jiff::{Timestamp, civil};
use serde::{Deserialize, Serialize};
use xiezhi_domain::workdays::{Calendar, Deadline, MOST_DAYS, NotLoaded, day_of, written};
use xiezhi_schemas::workdays::{Day, Departure};

use super::{
    Failure,
    lines::{LONGEST_LINE, next_line},
    output,
};
use crate::{
    calendar,
    config::{CalendarSettings, Loaded},
};

/// Counts working days: the day of the instant in China is day 0, the deadline is the end of the N-th working day after it.
///
/// With `--stdin --json` every input line `{"start","n"}` gets exactly one answer line `{"due_date","due_exclusive"}`, in the
/// same order; `due_exclusive` is the first instant that is late. A line without an answer gets one with `error`.
/// Exit code: 0 when there is an answer or the list was read to its end, 1 when the working days are not known.
#[derive(Debug, Args)]
pub(super) struct WorkdaysArgs {
    /// The instant from which is counted, with its offset: `2024-02-09T17:00:00+08:00`.
    #[arg(long, value_name = "INSTANT", required_unless_present = "stdin", requires = "days")]
    from: Option<String>,
    /// How many working days, 1 to 366.
    #[arg(long, value_name = "N", required_unless_present = "stdin", requires = "from")]
    days: Option<i64>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    /// Read JSON lines from standard input; needs --json.
    #[arg(long, requires = "json", conflicts_with_all = ["from", "days"])]
    stdin: bool,
}

pub(super) fn run(settings: &Loaded, args: &WorkdaysArgs) -> Result<(), Failure> {
    let calendar = calendar::load(&settings.section::<CalendarSettings>("calendar")?)?;
    if args.stdin {
        let output = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
        return Ok(lines(&calendar, io::stdin().lock(), output)?);
    }
    let (from, days) = (args.from.as_deref().unwrap_or_default(), args.days.unwrap_or_default());
    let (start, due) = count(&calendar, from, days).map_err(|refusal| match refusal {
        Refusal::NotLoaded(_) => Failure::No(refusal.to_string()),
        _ => Failure::Usage(refusal.to_string()),
    })?;
    let basis: Vec<&Departure> = calendar.departures(day_of(start), due.date).collect();
    if args.json {
        output::json(&serde_json::json!({
            "due_date": due.date, "due_exclusive": written(due.exclusive), "basis": basis,
        }))?;
        return Ok(());
    }
    output::line(&format!("due_date: {}\ndue_exclusive: {}", due.date, written(due.exclusive)))?;
    if !basis.is_empty() {
        let rows: Vec<_> = basis
            .iter()
            .map(|row| {
                let day = if row.day == Day::Work { "worked" } else { "off" };
                vec![row.date.to_string(), day.to_owned(), row.name.clone(), row.notice.clone()]
            })
            .collect();
        output::table(&["DATE", "DAY", "HOLIDAY", "NOTICE"], &rows)?;
    }
    Ok(())
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    NotLoaded(#[from] NotLoaded),
    #[error(
        "[HUB-3351] {0:?} has no offset, so its day in China is unknown; write 2024-02-09T17:00:00+08:00"
    )]
    Offset(String),
    #[error("[HUB-3351] {0:?} is no instant; write 2024-02-09T17:00:00+08:00")]
    Instant(String),
    #[error("[HUB-3351] {0} working days cannot be counted; 1 to {MOST_DAYS} can")]
    Days(i64),
    #[error("[HUB-3351] {0}")]
    Line(String),
}

impl Refusal {
    fn code(&self) -> &'static str {
        if matches!(self, Self::NotLoaded(_)) { "HUB-3350" } else { "HUB-3351" }
    }

    /// The word by which programs tell the reasons apart.
    fn reason(&self) -> &'static str {
        match self {
            Self::NotLoaded(_) => "CALENDAR_NOT_LOADED",
            Self::Offset(_) => "OFFSET_MISSING",
            Self::Instant(_) => "INSTANT_UNREADABLE",
            Self::Days(_) => "DAYS_OUT_OF_RANGE",
            Self::Line(_) => "LINE_UNREADABLE",
        }
    }
}

/// Longest text that can be an instant; what is longer is not repeated in an answer.
const LONGEST_INSTANT: usize = 64;

fn count(calendar: &Calendar, start: &str, n: i64) -> Result<(Timestamp, Deadline), Refusal> {
    let start: Timestamp = start.parse().map_err(|_| {
        let shown: String = start.chars().take(LONGEST_INSTANT).collect();
        if start.parse::<civil::DateTime>().is_ok() {
            Refusal::Offset(shown)
        } else {
            Refusal::Instant(shown)
        }
    })?;
    let days = u32::try_from(n).ok().filter(|n| (1..=MOST_DAYS).contains(n)).ok_or(Refusal::Days(n))?;
    Ok((start, calendar.deadline(start, days)?))
}

/// One line of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    start: String,
    n: i64,
}

/// The answer to one line.
#[derive(Serialize)]
struct Answer {
    due_date: Option<civil::Date>,
    due_exclusive: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<LineError>,
}

#[derive(Serialize)]
struct LineError {
    code: &'static str,
    reason: &'static str,
    line: u64,
    message: String,
}

fn lines(calendar: &Calendar, mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    let mut number = 0;
    while next_line(&mut input, &mut line)? {
        number += 1;
        let answer = match answer(calendar, &line) {
            Ok(due) => {
                Answer { due_date: Some(due.date), due_exclusive: Some(written(due.exclusive)), error: None }
            }
            Err(refusal) => Answer {
                due_date: None,
                due_exclusive: None,
                error: Some(LineError {
                    code: refusal.code(),
                    reason: refusal.reason(),
                    line: number,
                    message: refusal.to_string(),
                }),
            },
        };
        serde_json::to_writer(&mut output, &answer)?;
        output.write_all(b"\n")?;
    }
    output.flush()
}

fn answer(calendar: &Calendar, line: &[u8]) -> Result<Deadline, Refusal> {
    if line.len() > LONGEST_LINE {
        return Err(Refusal::Line(format!("the line is longer than {LONGEST_LINE} bytes")));
    }
    let asked: Asked = serde_json::from_slice(line)
        .map_err(|error| Refusal::Line(format!("not {{\"start\",\"n\"}} of a text and a number: {error}")))?;
    Ok(count(calendar, &asked.start, asked.n)?.1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use serde_json::Value;

    use super::*;

    fn answers(input: &str) -> Vec<Value> {
        let mut output = Vec::new();
        lines(&Calendar::compiled_in(), input.as_bytes(), &mut output).unwrap();
        String::from_utf8(output).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn the_vectors_are_answered_in_order() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../../../schemas/vectors/workdays.json")).unwrap();
        let vectors = vectors["deadlines"].as_array().unwrap();
        let input: String = vectors
            .iter()
            .map(|v| format!("{}\n", serde_json::json!({ "start": v["start"], "n": v["n"] })))
            .collect();
        let answers = answers(&input);
        assert_eq!(answers.len(), vectors.len());
        for (answer, vector) in answers.iter().zip(vectors) {
            let expected = serde_json::json!({
                "due_date": vector["due_date"], "due_exclusive": vector["due_exclusive"],
            });
            assert_eq!(*answer, expected, "{}", vector["id"]);
        }
    }

    #[test]
    fn what_has_no_answer_says_why_and_the_next_line_is_read() {
        let input = [
            r#"{"start":"2026-12-31T10:00:00+08:00","n":1}"#,
            r#"{"start":"2024-03-04T09:30:00","n":1}"#,
            r#"{"start":"yesterday","n":1}"#,
            r#"{"start":"2024-03-04T09:30:00+08:00","n":0}"#,
            r#"{"start":"2024-03-04T09:30:00+08:00","n":367}"#,
            r#"{"start":"2024-03-04T09:30:00+08:00","n":-1}"#,
            r#"{"start":"2024-03-04T09:30:00+08:00","n":1.5}"#,
            r#"{"start":"2024-03-04T09:30:00+08:00"}"#,
            "",
            r#"{"start":"2024-03-04T09:30:00+08:00","n":1,"m":2}"#,
            &format!(r#"{{"start":"{}","n":1}}"#, "9".repeat(LONGEST_LINE)),
            r#"{"start":"2024-02-09T10:00:00+08:00","n":1}"#,
        ]
        .join("\n");
        let answers = answers(&input);
        assert_eq!(answers.len(), 12);
        let reasons: Vec<_> =
            answers.iter().map(|a| a["error"]["reason"].as_str().unwrap_or("none")).collect();
        let days = "DAYS_OUT_OF_RANGE";
        let line = "LINE_UNREADABLE";
        assert_eq!(
            reasons,
            [
                "CALENDAR_NOT_LOADED",
                "OFFSET_MISSING",
                "INSTANT_UNREADABLE",
                days,
                days,
                days,
                line,
                line,
                line,
                line,
                line,
                "none"
            ]
        );
        assert_eq!(answers[0]["error"]["code"], "HUB-3350");
        for (at, answer) in answers[..11].iter().enumerate() {
            assert_eq!(answer["error"]["line"], at + 1);
            assert!(answer["due_date"].is_null() && answer["due_exclusive"].is_null());
            assert!(at == 0 || answer["error"]["code"] == "HUB-3351", "{answer}");
        }
        assert_eq!(answers[11]["due_date"], "2024-02-18");
    }
}
