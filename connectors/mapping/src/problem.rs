//! What is wrong with a mapping file: every problem at once, each with its line.

use std::{fmt, ops::Range};

use serde::Serialize;

use crate::code::Code;

/// One mistake in a mapping file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// Line in the file, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Where in the file's structure: `outbound.fields[3].from`.
    pub at: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, at, message } = self;
        match at.as_str() {
            "" => write!(f, "line {line}, column {column}: {message}"),
            at => write!(f, "line {line}, column {column}: {at}: {message}"),
        }
    }
}

/// A mapping file that cannot be used, refused as a whole: nothing of it is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// All that is wrong, in the order of the lines; never empty.
    pub problems: Vec<Problem>,
}

impl std::error::Error for Broken {}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        write!(f, "[{}] the mapping file has {count} {noun}; nothing of it is used", Code::Broken)?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

/// Collects problems while a file is read.
pub(crate) struct Problems<'a> {
    text: &'a str,
    list: Vec<Problem>,
}

impl<'a> Problems<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, list: Vec::new() }
    }

    /// Notes one problem at these bytes of the file.
    pub(crate) fn add(&mut self, span: Range<usize>, at: impl Into<String>, message: impl Into<String>) {
        let (line, column) = self.position(span.start);
        self.list.push(Problem { line, column, at: at.into(), message: message.into() });
    }

    pub(crate) fn line(&self, byte: usize) -> usize {
        self.position(byte).0
    }

    fn position(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn into_result<T>(mut self, value: Option<T>) -> Result<T, Broken> {
        match value {
            Some(value) if self.list.is_empty() => Ok(value),
            _ => {
                if self.list.is_empty() {
                    self.add(0..0, "", "the file cannot be used");
                }
                self.list.sort();
                self.list.dedup();
                Err(Broken { problems: self.list })
            }
        }
    }
}
