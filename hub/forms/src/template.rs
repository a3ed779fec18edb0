//! A form as a row of pieces: words that are always there, and blanks.

use crate::slot::{Slot, Values, date, han_date, read_date};

/// A piece of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Words of the form.
    Words(String),
    /// A blank; `han` writes its date in Chinese numerals.
    Blank { slot: Slot, han: bool },
}

/// How a line of a form looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Look {
    /// The court at the head.
    Court,
    /// The name of the form.
    Title,
    /// What stands below the name in brackets.
    Mark,
    /// The case number.
    Number,
    /// Who is addressed.
    Address,
    /// A paragraph.
    Body,
    /// The name of who signs.
    Signature,
    /// The date.
    Date,
    /// The place of the seal.
    Seal,
    /// Attachment and contact.
    Note,
}

/// A line or paragraph of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) look: Look,
    pub(crate) pieces: Vec<Piece>,
}

/// Reads `text` with its braces; `law` stands for `{legal_basis}`.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn pieces(text: &str, law: Option<&str>) -> Result<Vec<Piece>, String> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut words = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        words.push_str(before);
        let (name, after) =
            after.split_once('}').ok_or_else(|| format!("a brace is not closed in `{text}`"))?;
        rest = after;
        if name == "legal_basis" {
            words.push_str(law.ok_or("legal_basis is used and not given")?);
            continue;
        }
        let (name, han) = name.strip_suffix(":han").map_or((name, false), |name| (name, true));
        let slot = Slot::find(name).ok_or_else(|| format!("there is no blank `{name}`"))?;
        if han && slot != Slot::Date {
            return Err(format!("`{name}` has no form in Chinese numerals"));
        }
        if !words.is_empty() {
            pieces.push(Piece::Words(std::mem::take(&mut words)));
        }
        pieces.push(Piece::Blank { slot, han });
    }
    words.push_str(rest);
    if words.contains('}') {
        return Err(format!("a brace is not opened in `{text}`"));
    }
    if !words.is_empty() {
        pieces.push(Piece::Words(words));
    }
    Ok(pieces)
}

impl Piece {
    /// What is printed.
    pub(crate) fn fill(&self, values: &Values) -> String {
        match self {
            Self::Words(words) => words.clone(),
            Self::Blank { slot, han } => {
                let value = values.get(slot).cloned().unwrap_or_default();
                match read_date(&value) {
                    Some(day) if *slot == Slot::Date => {
                        if *han {
                            han_date(day)
                        } else {
                            date(day)
                        }
                    }
                    _ => value,
                }
            }
        }
    }
}
