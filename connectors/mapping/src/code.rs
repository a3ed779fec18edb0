//! The stable codes of this crate. The runtime's table (`connectors/sdk/src/code.rs`) lists the same codes, and each has a page in
//! `ops/errors/`; a test keeps the three equal.

use std::fmt;

use serde::Serialize;

/// What is wrong with a mapping, or with a message that went through one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum Code {
    /// The mapping file is broken; nothing of it is used.
    #[serde(rename = "CON-6001")]
    Broken,
    /// A value that a rule needs is not there.
    #[serde(rename = "CON-6002")]
    Absent,
    /// A value stands in no code table.
    #[serde(rename = "CON-6003")]
    UnknownValue,
    /// A value does not fit: too long, not of this form, not in this character set.
    #[serde(rename = "CON-6004")]
    Unfit,
    /// A rule needs more work or makes more output than is allowed.
    #[serde(rename = "CON-6005")]
    TooMuch,
    /// What the local system answered cannot be read.
    #[serde(rename = "CON-6006")]
    Unreadable,
    /// What the local system answered fits no rule, or is not a whole outcome.
    #[serde(rename = "CON-6007")]
    NoOutcome,
    /// A test written beside the rules fails.
    #[serde(rename = "CON-6008")]
    TestFailed,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 8] = [
        Self::Broken,
        Self::Absent,
        Self::UnknownValue,
        Self::Unfit,
        Self::TooMuch,
        Self::Unreadable,
        Self::NoOutcome,
        Self::TestFailed,
    ];

    /// The code as printed: `CON-6001`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Broken => "CON-6001",
            Self::Absent => "CON-6002",
            Self::UnknownValue => "CON-6003",
            Self::Unfit => "CON-6004",
            Self::TooMuch => "CON-6005",
            Self::Unreadable => "CON-6006",
            Self::NoOutcome => "CON-6007",
            Self::TestFailed => "CON-6008",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
