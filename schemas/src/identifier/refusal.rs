//! What a parser answers: an accepted value with its warnings, or a refusal that says what is wrong, at
//! which stage of checking, and what to do. No text here ever repeats a person's identity number.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The stage of checking that refused a text. Stages run in this order and the first failure is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The text does not have the written form.
    Format,
    /// The form is right but the value is impossible, such as 30 February.
    Semantic,
    /// A check character does not fit the rest.
    Checksum,
    /// A table or the reference date says that the value does not exist.
    Reference,
}

impl Level {
    /// The lower-case name used in reports: `format`, `semantic`, `checksum` or `reference`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Semantic => "semantic",
            Self::Checksum => "checksum",
            Self::Reference => "reference",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a text is not the identifier it was given as.
///
/// `Debug` and `Display` leave out [`converts_to`](Self::converts_to), which is a person's number; the message
/// itself never repeats the text that was refused.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} [{level}: {code}]")]
pub struct Refusal {
    /// The stage that refused.
    pub level: Level,
    /// Stable upper-case code of the reason, such as `LENGTH`.
    pub code: &'static str,
    /// What is wrong, where, and what to do, in one English sentence.
    pub message: String,
    /// The type under which the same text is a good value, if another one fits.
    pub valid_as: Option<&'static str>,
    /// The modern number that a 15-digit identity number stands for.
    pub converts_to: Option<String>,
}

impl Refusal {
    pub(super) fn new(level: Level, code: &'static str, message: impl Into<String>) -> Self {
        Self { level, code, message: message.into(), valid_as: None, converts_to: None }
    }

    pub(super) fn format(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Level::Format, code, message)
    }

    pub(super) fn semantic(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Level::Semantic, code, message)
    }

    pub(super) fn reference(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Level::Reference, code, message)
    }

    /// Names the other type when `fits` says that the text is one.
    pub(super) fn or_as(mut self, other: &'static str, fits: bool) -> Self {
        self.valid_as = fits.then_some(other);
        self
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal")
            .field("level", &self.level)
            .field("code", &self.code)
            .field("message", &self.message)
            .field("valid_as", &self.valid_as)
            .finish_non_exhaustive()
    }
}

/// Something the receiver should know about a value that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Stable upper-case code, such as `DIVISION_RETIRED`.
    pub code: &'static str,
    /// One English sentence for the person who handles the value.
    pub message: String,
}

impl Warning {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// A value that passed every check, with the warnings met on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted<T> {
    /// The parsed value.
    pub value: T,
    /// Advice that does not stand in the way of acceptance; empty for most values.
    pub warnings: Vec<Warning>,
}

impl<T> Accepted<T> {
    /// Whether a warning with this code was raised.
    pub fn warns(&self, code: &str) -> bool {
        self.warnings.iter().any(|warning| warning.code == code)
    }
}
