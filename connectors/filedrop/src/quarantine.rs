//! Why an incoming file is put aside. It is never deleted and never holds up the others; beside it stands `….reason.json`.

use std::ffi::{OsStr, OsString};

use jiff::Timestamp;
use serde::Serialize;
use xiezhi_schemas::message::Digest;

use crate::{
    folder::{Folder, FolderError, Listed, Place},
    names,
};

/// Longest name that is kept as it came.
const MAX_NAME: usize = 150;

/// What is wrong with an incoming file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    /// The name is none of this protocol.
    UnknownName,
    /// A folder, link, pipe or device.
    NotAFile,
    /// Longer than `max_bytes`.
    TooLong,
    /// Damaged, half written, of another character set than it says, or with a DOCTYPE.
    Unreadable,
    /// Readable, and says nothing that this protocol knows.
    NotUnderstood,
    /// It is about another request, number or registry than its name or folder says.
    Contradictory,
    /// An answer to what was never asked.
    Unasked,
    /// Other bytes came under a name that was settled before.
    ChangedAfterSettled,
    /// Two files, one ending `.json` and one `.xml`, under one name.
    TwoForms,
}

impl Fault {
    /// The word in `….reason.json`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::UnknownName => "unknown_name",
            Self::NotAFile => "not_a_file",
            Self::TooLong => "too_long",
            Self::Unreadable => "unreadable",
            Self::NotUnderstood => "not_understood",
            Self::Contradictory => "contradictory",
            Self::Unasked => "unasked",
            Self::ChangedAfterSettled => "changed_after_settled",
            Self::TwoForms => "two_forms",
        }
    }
}

/// A fault and where in the file it is; no value of the file stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) fault: Fault,
    /// What is wrong and what to do.
    pub(crate) what: String,
    /// The field, if one can be named.
    pub(crate) place: String,
}

impl Wrong {
    pub(crate) fn new(fault: Fault, what: impl Into<String>) -> Self {
        Self { fault, what: what.into(), place: String::new() }
    }
}

#[derive(Serialize)]
struct Reason<'a> {
    code: Fault,
    what: &'a str,
    #[serde(rename = "where")]
    place: &'a str,
    /// As it came; it is written by the other side.
    original_name: &'a str,
    file: &'a str,
    sha256: Option<Digest>,
    quarantined_at: Timestamp,
}

/// Puts an incoming file aside. First the file, then the reason: a crash between leaves a file whose reason the log has.
pub(crate) fn put_aside(
    folder: &Folder,
    (place, name): (Place, &OsStr),
    wrong: &Wrong,
    most: u64,
    now: Timestamp,
) -> Result<(), FolderError> {
    // Somebody else may have moved it meanwhile.
    let Some(listed) = folder.look(place, name)? else { return Ok(()) };
    let sha256 = match listed {
        Listed { regular: true, look, .. } if look.bytes <= most => {
            folder.read(place, name, most)?.map(|bytes| Digest::of(&bytes))
        }
        _ => None,
    };
    let file = folder.keep((place, name), (Place::Quarantine, &kept_name(name)), most)?;
    let reason = Reason {
        code: wrong.fault,
        what: &wrong.what,
        place: &wrong.place,
        original_name: &name.to_string_lossy(),
        file: &file,
        sha256,
        quarantined_at: now,
    };
    let bytes = serde_json::to_vec_pretty(&reason).unwrap_or_default();
    folder.write(Place::Quarantine, &format!("{file}.reason.json"), &bytes)?;
    tracing::warn!(
        fault = wrong.fault.word(),
        place = wrong.place,
        what = wrong.what,
        file = log_name(name),
        "an incoming file was put into quarantine; its reason stands beside it"
    );
    Ok(())
}

/// The name under which a file is kept: its own when it is harmless, else one made of its digest.
fn kept_name(name: &OsStr) -> String {
    let harmless = |text: &&str| {
        (1..=MAX_NAME).contains(&text.len())
            && !text.starts_with('.')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    match name.to_str().filter(harmless) {
        Some(text) => text.to_owned(),
        None => {
            let digest = Digest::of(name.as_encoded_bytes());
            format!("name-{}", digest.as_str().get(..16).unwrap_or_default())
        }
    }
}

/// A name for the log: only one of this protocol is made of ids alone.
fn log_name(name: &OsStr) -> String {
    match name.to_str().and_then(names::Incoming::read) {
        Some((incoming, ending)) => format!("{}.{}", incoming.stem(), ending.as_str()),
        None => "(a name that is none of this protocol)".into(),
    }
}

/// The name of a listed file as text, when it is of this protocol.
pub(crate) fn known(name: &OsString) -> Option<(names::Incoming, names::Ending)> {
    name.to_str().and_then(names::Incoming::read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_other_side_are_data() {
        assert_eq!(kept_name(OsStr::new("Out1.xml")), "Out1.xml");
        let long = "a".repeat(151);
        for odd in [".hidden", "a b", "甲某身份证.pdf", "a\nb", "a~2.xml", &long] {
            let kept = kept_name(OsStr::new(odd));
            assert!(kept.starts_with("name-") && kept.len() == 21, "{kept}");
            assert!(log_name(OsStr::new(odd)).starts_with('('));
        }
    }

    #[test]
    fn words_are_those_of_the_file() {
        for fault in [
            Fault::UnknownName,
            Fault::NotAFile,
            Fault::TooLong,
            Fault::Unreadable,
            Fault::NotUnderstood,
            Fault::Contradictory,
            Fault::Unasked,
            Fault::ChangedAfterSettled,
            Fault::TwoForms,
        ] {
            assert_eq!(serde_json::to_value(fault).ok(), Some(fault.word().into()));
        }
    }
}
