//! Standard output: lines, JSON and tables whose columns stand straight although Chinese characters are two wide.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

/// Writes one line of data.
pub(super) fn line(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Writes lines that are whole already.
pub(super) fn text(text: &str) -> io::Result<()> {
    io::stdout().lock().write_all(text.as_bytes())
}

/// Writes a value as indented JSON.
pub(super) fn json(value: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)
}

/// Writes a table. Control characters are shown as escapes: what comes from elsewhere must not move the cursor.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
    let widths: Vec<usize> = header
        .iter()
        .enumerate()
        .map(|(at, name)| {
            rows.iter()
                .filter_map(|row| row.get(at))
                .map(|cell| width(cell))
                .max()
                .unwrap_or(0)
                .max(width(name))
        })
        .collect();
    let mut out = io::stdout().lock();
    let mut print = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (cell, column) in cells.zip(&widths) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', column.saturating_sub(width(cell)) + 2));
        }
        writeln!(out, "{}", text.trim_end())
    };
    print(&mut header.iter().copied())?;
    for row in &rows {
        print(&mut row.iter().map(String::as_str))?;
    }
    Ok(())
}

/// A table of JSON objects: one column a JSON pointer, `-` where there is nothing.
pub(super) fn objects(columns: &[(&str, &str)], items: &[Value]) -> io::Result<()> {
    let header: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| columns.iter().map(|(_, pointer)| cell(item.pointer(pointer))).collect())
        .collect();
    table(&header, &rows)
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A JSON object for people: one field a line, nested ones indented, absent ones left out.
pub(super) fn outline(value: &Value) -> io::Result<()> {
    let mut text = String::new();
    write_outline(value, 0, &mut text);
    io::stdout().lock().write_all(text.as_bytes())
}

fn write_outline(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let fields: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(name, value)| (format!("{name}:"), value)).collect(),
        Value::Array(items) => items.iter().map(|item| ("-".to_owned(), item)).collect(),
        scalar => {
            text.push_str(&format!("{indent}{}\n", printable(&cell(Some(scalar)))));
            return;
        }
    };
    for (name, value) in fields {
        let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        match value {
            _ if empty => {}
            Value::Object(_) | Value::Array(_) => {
                text.push_str(&format!("{indent}{name}\n"));
                write_outline(value, depth + 1, text);
            }
            scalar => text.push_str(&format!("{indent}{name} {}\n", printable(&cell(Some(scalar))))),
        }
    }
}

/// The text with control characters escaped.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default().to_string());
            escaped.unwrap_or_else(|| c.to_string()).chars().collect::<Vec<_>>()
        })
        .collect()
}

/// Columns a text takes on a terminal.
fn width(text: &str) -> usize {
    text.chars().map(|c| if is_wide(c) { 2 } else { 1 }).sum()
}

/// Whether a character is two columns wide (East Asian Width W and F, the blocks that occur in Chinese text).
fn is_wide(c: char) -> bool {
    matches!(u32::from(c),
        0x1100..=0x115F | 0x2E80..=0x303E | 0x3041..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 | 0x20000..=0x3FFFD)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn widths_count_chinese_twice() {
        assert_eq!(width("玄武 A"), 6);
        assert_eq!(width("（2024）苏"), 10);
    }

    #[test]
    fn control_characters_are_shown_not_obeyed() {
        assert_eq!(printable("a\u{1b}[2J\n案"), "a\\u{1b}[2J\\n案");
    }

    #[test]
    fn an_outline_leaves_out_what_is_absent() {
        let mut text = String::new();
        write_outline(
            &json!({ "state": "delivered", "result": null, "receipt": { "no": 3 }, "timeline": [{ "at": "x" }] }),
            0,
            &mut text,
        );
        assert_eq!(text, "receipt:\n  no: 3\nstate: delivered\ntimeline:\n  -\n    at: x\n");
    }
}
