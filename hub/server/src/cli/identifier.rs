//! `hub identifier`: what the parsers make of a value, or of a whole list.

use std::io::{self, BufRead, Write};

use clap::Args;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xiezhi_schemas::identifier::{Verdict, explain, types};

use super::{
    Failure,
    lines::{LONGEST_LINE, next_line},
    output,
};
use crate::directory::today;

/// Explains one value, or checks a list of JSON lines.
///
/// With `--stdin --json` every input line `{"type","value"}` gets exactly one answer line `{"type","value","ok","level",
/// "normalised","warnings"}`, in the same order; a line that cannot be read gets one with `error`, and the next is read.
/// Exit code: 0 when the value is accepted or the list was read to its end, 1 when the one value is refused.
#[derive(Debug, Args)]
pub(super) struct IdentifierArgs {
    /// Which kind of identifier; `--types` lists them.
    #[arg(value_name = "TYPE", required_unless_present_any = ["stdin", "types"])]
    kind: Option<String>,
    /// The value.
    #[arg(required_unless_present_any = ["stdin", "types"])]
    value: Option<String>,
    /// The day that counts as today, for rules that began or ended on some day.
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    /// Read JSON lines from standard input; needs --json.
    #[arg(long, requires = "json", conflicts_with_all = ["kind", "value", "types"])]
    stdin: bool,
    /// List the types.
    #[arg(long, conflicts_with_all = ["kind", "value"])]
    types: bool,
}

pub(super) fn run(args: &IdentifierArgs) -> Result<u8, Failure> {
    let as_of = args.as_of.unwrap_or_else(today);
    if args.types {
        list_types(args.json)?;
        return Ok(0);
    }
    if args.stdin {
        lines(io::stdin().lock(), io::BufWriter::with_capacity(1 << 16, io::stdout().lock()), as_of)?;
        return Ok(0);
    }
    let (kind, value) = (args.kind.as_deref().unwrap_or_default(), args.value.as_deref().unwrap_or_default());
    let verdict =
        explain(kind, value, as_of).map_err(|error| Failure::Usage(format!("[HUB-1040] {error}")))?;
    if args.json {
        output::json(&verdict)?
    } else {
        describe(&verdict)?
    }
    Ok(u8::from(!verdict.ok))
}

fn list_types(json: bool) -> io::Result<()> {
    if json {
        let all: Vec<_> = types()
            .iter()
            .map(|t| serde_json::json!({ "type": t.name, "chinese": t.chinese, "source": t.source }))
            .collect();
        return output::json(&all);
    }
    let rows: Vec<_> =
        types().iter().map(|t| vec![t.name.to_owned(), t.chinese.to_owned(), t.source.to_owned()]).collect();
    output::table(&["TYPE", "CHINESE", "SOURCE"], &rows)
}

fn describe(verdict: &Verdict) -> io::Result<()> {
    let mut fields = serde_json::to_value(verdict)?;
    if let Some(fields) = fields.as_object_mut() {
        fields.retain(|name, _| name != "value");
    }
    output::outline(&fields)
}

/// One line of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(rename = "type")]
    kind: String,
    value: String,
    #[serde(default)]
    as_of: Option<Date>,
}

/// The answer to a line that could not be judged; the fields of a verdict, so that one reader reads both.
#[derive(Serialize)]
struct Unjudged<'a> {
    #[serde(rename = "type")]
    kind: Option<&'a str>,
    value: Option<&'a str>,
    ok: bool,
    level: Option<()>,
    normalised: Option<()>,
    warnings: [(); 0],
    error: LineError,
}

#[derive(Serialize)]
struct LineError {
    code: &'static str,
    line: u64,
    message: String,
}

fn lines(mut input: impl BufRead, mut output: impl Write, as_of: Date) -> io::Result<()> {
    let mut line = Vec::new();
    let mut number = 0;
    while next_line(&mut input, &mut line)? {
        number += 1;
        answer(&line, number, as_of, &mut output)?;
        output.write_all(b"\n")?;
    }
    output.flush()
}

fn answer(line: &[u8], number: u64, as_of: Date, output: &mut impl Write) -> io::Result<()> {
    let (kind, value, message) = if line.len() > LONGEST_LINE {
        (None, None, format!("the line is longer than {LONGEST_LINE} bytes"))
    } else {
        match serde_json::from_slice::<Asked>(line) {
            Ok(asked) => match explain(&asked.kind, &asked.value, asked.as_of.unwrap_or(as_of)) {
                Ok(verdict) => return Ok(serde_json::to_writer(output, &verdict)?),
                Err(error) => (Some(asked.kind), Some(asked.value), error.to_string()),
            },
            Err(error) => {
                // Whatever can be told apart goes back, so that the sender finds its line again.
                let raw: Value = serde_json::from_slice(line).unwrap_or_default();
                let text = |name: &str| raw.get(name).and_then(Value::as_str).map(str::to_owned);
                (text("type"), text("value"), format!("not {{\"type\",\"value\"}} of texts: {error}"))
            }
        }
    };
    let unjudged = Unjudged {
        kind: kind.as_deref(),
        value: value.as_deref(),
        ok: false,
        level: None,
        normalised: None,
        warnings: [],
        error: LineError { code: "HUB-1040", line: number, message },
    };
    Ok(serde_json::to_writer(output, &unjudged)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn every_line_gets_one_answer_in_order() {
        let long = format!("{{\"type\":\"uscc\",\"value\":\"{}\"}}", "9".repeat(LONGEST_LINE * 3));
        let input = [
            r#"{"type":"division_code","value":"320102"}"#,
            "",
            "nonsense",
            r#"{"type":"division_code","value":320102}"#,
            r#"{"type":"colour","value":"red"}"#,
            r#"{"type":"division_code","type":"uscc","value":"x"}"#,
            r#"{"type":"division_code","value":"320102","more":1}"#,
            &long,
            r#"{"type":"division_code","value":"999999"}"#,
        ]
        .join("\n");
        let mut bytes = input.into_bytes();
        bytes.extend_from_slice(b"\n\xff\xfe\n{\"type\":\"division_code\",\"value\":\"320104\"}");
        let mut output = Vec::new();
        // A small buffer, so that lines are put together from pieces.
        lines(io::BufReader::with_capacity(7, bytes.as_slice()), &mut output, "2026-01-01".parse().unwrap())
            .unwrap();
        let answers: Vec<Value> = String::from_utf8(output)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(answers.len(), 11);
        let ok: Vec<_> = answers.iter().map(|a| a["ok"].as_bool().unwrap()).collect();
        assert_eq!(ok.iter().filter(|ok| **ok).count(), 2);
        assert!(ok[0] && ok[10]);
        for at in [1, 2, 3, 4, 5, 6, 7, 9] {
            assert_eq!(answers[at]["error"]["line"], at + 1, "{}", answers[at]);
            assert_eq!(answers[at]["error"]["code"], "HUB-1040");
        }
        assert_eq!(answers[4]["type"], "colour");
        assert!(answers[8].get("error").is_none() && answers[8]["level"].is_string());
        for name in ["type", "value", "ok", "level", "normalised", "warnings"] {
            assert!(answers.iter().all(|a| a.get(name).is_some()), "{name}");
        }
    }
}
