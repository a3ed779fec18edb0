//! Why one message does not go through a mapping. Refusals are logged and shown to operators, so a value is described by its
//! shape: names and numbers of persons never stand in one.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::code::Code;

/// One reason why a message is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The code; its page in `ops/errors/` says what to do.
    pub code: Code,
    /// The field that could not be made: its path in the message, such as `BDCKZQQ.KZCS`.
    pub at: String,
    /// What is wrong and what to do; describes values by their shape.
    pub message: String,
}

impl Refusal {
    pub(crate) fn new(code: Code, at: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, at: at.into(), message: message.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.at.is_empty() { "the message" } else { &self.at };
        write!(f, "[{}] {at}: {}", self.code, self.message)
    }
}

/// A message that does not go through; nothing of it is sent or believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Every reason, in the order of the rules; never empty.
    pub refusals: Vec<Refusal>,
}

impl Refused {
    pub(crate) fn one(code: Code, at: impl Into<String>, message: impl Into<String>) -> Self {
        Self { refusals: vec![Refusal::new(code, at, message)] }
    }

    /// The first reason's code.
    pub fn code(&self) -> Code {
        self.refusals.first().map_or(Code::Unfit, |refusal| refusal.code)
    }
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, refusal) in self.refusals.iter().enumerate() {
            write!(f, "{}{refusal}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// Longest code that is shown as it is: too short for a name or number of a person.
const SHOWN: usize = 4;

/// What a value looks like, without what it says.
pub(crate) fn shape(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Bool(flag) => format!("{flag}"),
        Value::Number(number) => text_shape(&number.to_string(), "a number"),
        Value::String(text) => text_shape(text, "a text"),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(fields) => format!("a record of {} fields", fields.len()),
    }
}

/// A sort of characters, and which they are.
type Kind = (&'static str, fn(char) -> bool);

fn text_shape(text: &str, noun: &str) -> String {
    let count = text.chars().count();
    if count == 0 {
        return "an empty text".into();
    }
    if count <= SHOWN && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    {
        return format!("{noun} {text:?}");
    }
    let kinds: [Kind; 5] = [
        ("digits", |c| c.is_ascii_digit()),
        ("Latin letters", |c| c.is_ascii_alphabetic()),
        ("Chinese characters", |c| ('\u{3400}'..='\u{9fff}').contains(&c) || c >= '\u{20000}'),
        ("blanks", char::is_whitespace),
        ("signs", |c| !c.is_alphanumeric() && !c.is_whitespace()),
    ];
    let seen: Vec<&str> =
        kinds.iter().filter(|(_, is)| text.chars().any(is)).map(|(name, _)| *name).collect();
    let of = if seen.is_empty() { "letters".into() } else { seen.join(", ") };
    format!("{noun} of {count} characters ({of})")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_described_not_told() {
        for (value, expected) in [
            (json!("3"), "a text \"3\""),
            (json!("甲某"), "a text of 2 characters (Chinese characters)"),
            (json!("13800000000"), "a text of 11 characters (digits)"),
            (json!("京-1"), "a text of 3 characters (digits, Chinese characters, signs)"),
            (json!(""), "an empty text"),
            (json!([1, 2]), "a list of 2"),
            (json!(null), "nothing"),
        ] {
            assert_eq!(shape(&value), expected);
        }
    }
}
