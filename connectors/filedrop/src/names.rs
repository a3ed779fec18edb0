//! Names of files. They are made of ids only: no person, no court and nothing that the other side wrote can get into one. A
//! name that comes in is read into one of these kinds or is no name of this protocol.

use std::{fmt, num::NonZeroU32, str::FromStr};

use uuid::Uuid;

/// Longest id that the local system may give to what it offers.
const MAX_ID: usize = 100;

/// One handing over of one request: `BizMsgID`. The first is the request id in 32 hexadecimal digits; after a void or a refusal the
/// same request is handed over anew under the next one, `…-2`, so that an old answer never counts for a new asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Number {
    pub(crate) request_id: Uuid,
    pub(crate) round: NonZeroU32,
}

impl Number {
    /// The first handing over.
    pub(crate) fn first(request_id: Uuid) -> Self {
        Self { request_id, round: NonZeroU32::MIN }
    }

    /// The one after this.
    pub(crate) fn next(self) -> Self {
        Self { round: self.round.saturating_add(1), ..self }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.round.get() {
            1 => write!(f, "{}", self.request_id.simple()),
            round => write!(f, "{}-{round}", self.request_id.simple()),
        }
    }
}

impl FromStr for Number {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (id, round) = match text.split_once('-') {
            None => (text, NonZeroU32::MIN),
            Some((id, round)) => (id, round.parse().map_err(drop)?),
        };
        let number = Self { request_id: hex_id(id).ok_or(())?, round };
        // One spelling only.
        if number.to_string() == text { Ok(number) } else { Err(()) }
    }
}

fn hex_id(text: &str) -> Option<Uuid> {
    let lower = text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    lower.then(|| Uuid::try_parse(text).ok()).flatten()
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Json,
    Xml,
}

impl Ending {
    pub(crate) const ALL: [Self; 2] = [Self::Json, Self::Xml];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Xml => "xml",
        }
    }
}

/// What an incoming file is by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// `Res…`: the answer to a demand.
    Answer(Number),
    /// `ResVoid…`: that a void was heard.
    VoidAnswer(Number),
    /// `ResWdr…`: the answer to a wish for withdrawal.
    WishAnswer(Uuid),
    /// `Out…`: a result, a return or a declined withdrawal.
    Outcome(String),
    /// `Loc…`: a receipt of the registry's own link.
    LocalReceipt(String),
}

impl Incoming {
    /// Reads a name; none when it is no name of this protocol.
    pub(crate) fn read(name: &str) -> Option<(Self, Ending)> {
        let (stem, ending) = name.rsplit_once('.')?;
        let ending = Ending::ALL.into_iter().find(|known| known.as_str() == ending)?;
        let id = |text: &str| is_offer_id(text).then(|| text.to_owned());
        let incoming = if let Some(rest) = stem.strip_prefix("ResVoid") {
            Self::VoidAnswer(rest.parse().ok()?)
        } else if let Some(rest) = stem.strip_prefix("ResWdr") {
            Self::WishAnswer(hex_id(rest)?)
        } else if let Some(rest) = stem.strip_prefix("Res") {
            Self::Answer(rest.parse().ok()?)
        } else if let Some(rest) = stem.strip_prefix("Out") {
            Self::Outcome(id(rest)?)
        } else if let Some(rest) = stem.strip_prefix("Loc") {
            Self::LocalReceipt(id(rest)?)
        } else {
            return None;
        };
        Some((incoming, ending))
    }

    /// The name without its ending.
    pub(crate) fn stem(&self) -> String {
        match self {
            Self::Answer(number) => format!("Res{number}"),
            Self::VoidAnswer(number) => format!("ResVoid{number}"),
            Self::WishAnswer(id) => format!("ResWdr{}", id.simple()),
            Self::Outcome(id) => format!("Out{id}"),
            Self::LocalReceipt(id) => format!("Loc{id}"),
        }
    }
}

/// Whether an id of the local system can stand in a name.
pub(crate) fn is_offer_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Whether a name says itself that the file is not complete.
pub(crate) fn is_unfinished(name: &str) -> bool {
    name.starts_with('.') || name.ends_with(".part") || name.ends_with(".tmp")
}

/// The ending of a document's file: of its media type, never of the name that somebody gave it.
pub(crate) fn document_ending(media_type: &str) -> &'static str {
    match media_type {
        "application/pdf" => "pdf",
        "application/ofd" => "ofd",
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/tiff" => "tif",
        _ => "bin",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn numbers_have_one_spelling() {
        let first = Number::first(Uuid::from_u128(0xab));
        assert_eq!(first.to_string(), "000000000000000000000000000000ab");
        assert_eq!(first.next().to_string(), "000000000000000000000000000000ab-2");
        for number in [first, first.next(), first.next().next()] {
            assert_eq!(number.to_string().parse(), Ok(number));
        }
        for odd in [
            "",
            "ab",
            "000000000000000000000000000000AB",
            "000000000000000000000000000000ab-1",
            "000000000000000000000000000000ab-02",
            "000000000000000000000000000000ab-0",
            "00000000-0000-0000-0000-0000000000ab",
            "000000000000000000000000000000ab-2-3",
        ] {
            assert_eq!(odd.parse::<Number>(), Err(()), "{odd}");
        }
    }

    #[test]
    fn names_are_read_into_kinds_or_not_at_all() {
        let number = Number::first(Uuid::from_u128(1)).next();
        for incoming in [
            Incoming::Answer(number),
            Incoming::VoidAnswer(number),
            Incoming::WishAnswer(Uuid::from_u128(2)),
            Incoming::Outcome("JG320102-0000001".into()),
            Incoming::LocalReceipt("DD_1".into()),
        ] {
            let name = format!("{}.xml", incoming.stem());
            assert_eq!(Incoming::read(&name), Some((incoming, Ending::Xml)));
        }
        // A56: tricks with paths, endings, blanks, other scripts and length.
        let long = format!("Out{}.xml", "a".repeat(101));
        for odd in [
            "Out../../etc/passwd.xml",
            "Out/1.xml",
            "Out..xml",
            "Out.xml",
            "Outa b.xml",
            "Out号.xml",
            "Out1",
            "Out1.exe",
            "Out1.XML",
            "C:Out1.xml",
            "Out1\0.xml",
            "Res1.xml",
            "",
            ".",
            "..",
            "Out\\1.xml",
            &long,
        ] {
            assert_eq!(Incoming::read(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn a_documents_name_has_nothing_to_say() {
        assert_eq!(document_ending("application/pdf"), "pdf");
        assert_eq!(document_ending("../../x"), "bin");
    }
}
