//! Why a form was not made or not read.

use jiff::civil::Date;
use xiezhi_domain::check::Findings;
use xiezhi_typeset::SetError;

use crate::{finding::Code, wording::FormKind};

/// A form is not made, or a text not read as one.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// The data breaks the rules of the form; everything that is wrong, at once.
    #[error("{}", list(.0))]
    Refused(Findings),
    /// No wording is in force.
    #[error(
        "[HUB-3410] no wording of form `{kind}` is in force on {date}; add a version to the wording of the forms"
    )]
    NoVersion {
        /// Which form.
        kind: FormKind,
        /// Its date.
        date: Date,
    },
    /// What is filled in contains words of the form itself.
    #[error(
        "[HUB-3409] the form could be read in two ways: a field contains the form's own words; write the field without them"
    )]
    Ambiguous,
    /// Not one of our forms.
    #[error("[HUB-3411] the text is none of the forms: {why}")]
    Unreadable {
        /// What was looked for in vain.
        why: String,
    },
    /// The page cannot be set.
    #[error(transparent)]
    Set(#[from] SetError),
}

impl FormError {
    /// Stable code; of several findings the first one's.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(found) => {
                found.errors.first().map_or(Code::NotUnderstood.as_str(), |first| first.code)
            }
            Self::NoVersion { .. } => Code::NoVersion.as_str(),
            Self::Ambiguous => Code::Ambiguous.as_str(),
            Self::Unreadable { .. } => Code::Unreadable.as_str(),
            Self::Set(error) => error.code(),
        }
    }
}

fn list(found: &Findings) -> String {
    let lines: Vec<String> = found
        .errors
        .iter()
        .map(|one| format!("[{}] {}: {}; {}", one.code, one.path, one.message, one.hint))
        .collect();
    lines.join("\n")
}
