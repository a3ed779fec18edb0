//! The wording of the forms by version: data, so that a new article number needs no new program (R72).

use std::{collections::BTreeSet, fmt};

use jiff::civil::Date;
use serde::Deserialize;

use crate::{
    notice::Matter,
    slot::Slot,
    template::{self, Line, Look, Piece},
};

/// What a provisional form must say of itself (decision 8: form 1 is provisional).
const PROVISIONAL: &str = "暂定样式";

/// Which form; the receipt of a lifting has sentences of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormKind {
    /// Form 1: 协助执行通知书（查封）.
    Seizure,
    /// Form 2: 协助执行通知书（继续查封）.
    Renewal,
    /// Form 3: 协助执行通知书（解除查封）.
    Lifting,
    /// Form 4: 回执 of a seizure or renewal.
    Receipt,
    /// Form 4: 回执 of a lifting.
    ReceiptOfLifting,
}

impl FormKind {
    /// Every form.
    pub const ALL: [Self; 5] =
        [Self::Seizure, Self::Renewal, Self::Lifting, Self::Receipt, Self::ReceiptOfLifting];

    /// The notice that demands `matter`.
    pub fn notice(matter: Matter) -> Self {
        match matter {
            Matter::Seizure => Self::Seizure,
            Matter::Renewal => Self::Renewal,
            Matter::Lifting => Self::Lifting,
        }
    }

    /// The receipt that answers `matter`.
    pub fn receipt(matter: Matter) -> Self {
        if matter == Matter::Lifting { Self::ReceiptOfLifting } else { Self::Receipt }
    }

    /// Blanks that the wording must have, in the order of the annex.
    fn blanks(self) -> &'static [Slot] {
        use Slot::*;
        match self {
            Self::Seizure => &[
                Court,
                CaseNumber,
                Registry,
                Cause,
                IssuingOrgan,
                RulingNumber,
                Waiting,
                DebtorName,
                DebtorNumber,
                UnitCode,
                Location,
                Certificates,
                Years,
                From,
                To,
                Date,
                Attachment,
                ContactName,
                ContactPhone,
            ],
            Self::Renewal => &[
                Court,
                CaseNumber,
                Registry,
                Cause,
                IssuingOrgan,
                RulingNumber,
                Waiting,
                DebtorName,
                DebtorNumber,
                UnitCode,
                Location,
                Certificates,
                OriginalCaseNumber,
                Years,
                From,
                To,
                Date,
                Attachment,
                ContactName,
                ContactPhone,
            ],
            Self::Lifting => &[
                Court,
                CaseNumber,
                Registry,
                Cause,
                OriginalDate,
                DebtorName,
                DebtorNumber,
                UnitCode,
                Location,
                Certificates,
                OriginalCaseNumber,
                IssuingOrgan,
                RulingNumber,
                Waiting,
                Date,
                Attachment,
                ContactName,
                ContactPhone,
            ],
            Self::Receipt => &[
                Court,
                CaseNumber,
                RulingNumber,
                Registry,
                DebtorName,
                UnitCode,
                Location,
                Certificates,
                Matter,
                Standing,
                Position,
                WaitingMark,
                Years,
                From,
                To,
                Date,
            ],
            Self::ReceiptOfLifting => &[
                Court,
                CaseNumber,
                RulingNumber,
                Registry,
                DebtorName,
                UnitCode,
                Location,
                Certificates,
                Waiting,
                WaitingMark,
                Date,
            ],
        }
    }
}

impl fmt::Display for FormKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seizure => "seizure",
            Self::Renewal => "renewal",
            Self::Lifting => "lifting",
            Self::Receipt => "receipt",
            Self::ReceiptOfLifting => "receipt_of_lifting",
        })
    }
}

/// A file of wordings cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "[HUB-3416] the wording of the forms cannot be used: {0}; compare it with the one in hub/forms/data/wording.toml"
)]
pub struct WordingError(String);

impl WordingError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "HUB-3416"
    }
}

/// Every wording that is known.
#[derive(Debug, Clone)]
pub struct Wording(Vec<Version>);

/// One form in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub(crate) kind: FormKind,
    pub(crate) version: String,
    pub(crate) source: String,
    pub(crate) provisional: bool,
    pub(crate) legal_basis: Option<String>,
    pub(crate) lines: Vec<Line>,
    valid_from: Option<Date>,
    valid_to: Option<Date>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    form: Vec<RawForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawForm {
    form: FormKind,
    version: String,
    source: String,
    #[serde(default)]
    provisional: bool,
    legal_basis: Option<String>,
    valid_from: Option<Date>,
    valid_to: Option<Date>,
    lines: Vec<RawLine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    #[serde(rename = "as")]
    look: Look,
    text: String,
}

impl Wording {
    /// The file that is compiled in.
    pub const EMBEDDED: &str = include_str!("../data/wording.toml");

    /// The wordings that are compiled in.
    pub fn embedded() -> Self {
        Self::parse(Self::EMBEDDED).expect("a test reads the embedded wording")
    }

    /// Reads wordings from TOML.
    ///
    /// # Errors
    /// When it is not such a file, a form lacks a blank or has one twice over, or two versions are in force at once.
    pub fn parse(text: &str) -> Result<Self, WordingError> {
        let raw: RawFile = toml::from_str(text).map_err(|error| WordingError(error.to_string()))?;
        let versions = raw.form.into_iter().map(Version::check).collect::<Result<Vec<_>, _>>()?;
        for (at, one) in versions.iter().enumerate() {
            for other in versions.iter().take(at).filter(|other| other.kind == one.kind) {
                if one.overlaps(other) {
                    let (kind, a, b) = (one.kind, &one.version, &other.version);
                    return Err(WordingError(format!(
                        "versions {a} and {b} of `{kind}` are in force at once"
                    )));
                }
            }
        }
        Ok(Self(versions))
    }

    /// The version of a form in force on a day.
    pub fn on(&self, kind: FormKind, date: Date) -> Option<&Version> {
        self.0.iter().find(|one| one.kind == kind && one.is_in_force(date))
    }

    /// Every version.
    pub fn versions(&self) -> &[Version] {
        &self.0
    }
}

impl Version {
    /// What is printed at the foot: where the form is from and which wording it is.
    pub fn footer(&self) -> String {
        let provisional = if self.provisional { "（暂定）" } else { "" };
        format!("法〔2024〕32号{}　样式版本 {}{provisional}", self.source, self.version)
    }

    /// Whether the official text is still missing (decision 8).
    pub fn is_provisional(&self) -> bool {
        self.provisional
    }

    /// Which form.
    pub fn kind(&self) -> FormKind {
        self.kind
    }

    /// The articles it cites; receipts cite none.
    pub fn legal_basis(&self) -> Option<&str> {
        self.legal_basis.as_deref()
    }

    /// All pieces in the order in which they are read.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.lines.iter().flat_map(|line| &line.pieces)
    }

    fn is_in_force(&self, date: Date) -> bool {
        self.valid_from.is_none_or(|from| from <= date) && self.valid_to.is_none_or(|to| date <= to)
    }

    fn overlaps(&self, other: &Self) -> bool {
        let begins_in_time = |a: &Self, b: &Self| match (a.valid_from, b.valid_to) {
            (Some(from), Some(to)) => from <= to,
            _ => true,
        };
        begins_in_time(self, other) && begins_in_time(other, self)
    }

    fn check(raw: RawForm) -> Result<Self, WordingError> {
        let kind = raw.form;
        let wrong = |what: String| WordingError(format!("form `{kind}` {}: {what}", raw.version));
        let mut lines = Vec::new();
        for line in &raw.lines {
            let pieces = template::pieces(&line.text, raw.legal_basis.as_deref()).map_err(wrong)?;
            lines.push(Line { look: line.look, pieces });
        }
        let pieces: Vec<&Piece> = lines.iter().flat_map(|line| &line.pieces).collect();
        let blank = |piece: &Piece| match piece {
            Piece::Blank { slot, .. } => Some(*slot),
            Piece::Words(_) => None,
        };
        let there: BTreeSet<Slot> = pieces.iter().filter_map(|piece| blank(piece)).collect();
        let wanted: BTreeSet<Slot> = kind.blanks().iter().copied().collect();
        if let Some(slot) = wanted.symmetric_difference(&there).next() {
            let what = if there.contains(slot) { "does not belong there" } else { "is missing" };
            return Err(wrong(format!("the blank `{}` {what}", slot.name())));
        }
        let said: String = pieces
            .iter()
            .filter_map(|piece| if let Piece::Words(words) = piece { Some(words.as_str()) } else { None })
            .collect();
        if raw.provisional != said.contains(PROVISIONAL) {
            return Err(wrong(format!("{PROVISIONAL} stands on a form exactly when it is provisional")));
        }
        if raw.valid_from.zip(raw.valid_to).is_some_and(|(from, to)| to < from) {
            return Err(wrong("valid_to lies before valid_from".to_owned()));
        }
        Ok(Self {
            kind,
            version: raw.version,
            source: raw.source,
            provisional: raw.provisional,
            legal_basis: raw.legal_basis,
            lines,
            valid_from: raw.valid_from,
            valid_to: raw.valid_to,
        })
    }
}
