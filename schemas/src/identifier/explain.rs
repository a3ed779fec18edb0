//! One verdict on one text, for the command line and for operators who ask why a value was refused.

use std::fmt;

use jiff::civil::Date;
use serde::Serialize;

use super::refusal::Level;
use super::{
    BizMsgId, CaseNumber, CertificateNumber, CertificateOfProof, CourtCode, DivisionCode, DocumentNumber,
    Identifier, LegacyCaseNumber, LegacyCertificate, OriginalCaseNumber, PrefixedRequestNo, RequestNo,
    ResidentId, ResidentId15, UnitCode, Uscc,
};

/// A type that [`explain`] knows.
#[derive(Clone, Copy, Debug)]
pub struct TypeInfo {
    /// Name to ask by, such as `bdcdyh`.
    pub name: &'static str,
    /// Chinese term.
    pub chinese: &'static str,
    /// Standard or rule that defines the form.
    pub source: &'static str,
    judge: fn(&str, Date) -> Verdict,
}

impl TypeInfo {
    const fn of<T: Identifier>() -> Self {
        Self { name: T::TYPE, chinese: T::CHINESE, source: T::SOURCE, judge: judge::<T> }
    }
}

const TYPES: [TypeInfo; 16] = [
    TypeInfo::of::<UnitCode>(),
    TypeInfo::of::<CaseNumber>(),
    TypeInfo::of::<LegacyCaseNumber>(),
    TypeInfo::of::<OriginalCaseNumber>(),
    TypeInfo::of::<DocumentNumber>(),
    TypeInfo::of::<CourtCode>(),
    TypeInfo::of::<DivisionCode>(),
    TypeInfo::of::<ResidentId>(),
    TypeInfo::of::<ResidentId15>(),
    TypeInfo::of::<Uscc>(),
    TypeInfo::of::<CertificateNumber>(),
    TypeInfo::of::<CertificateOfProof>(),
    TypeInfo::of::<LegacyCertificate>(),
    TypeInfo::of::<BizMsgId>(),
    TypeInfo::of::<RequestNo>(),
    TypeInfo::of::<PrefixedRequestNo>(),
];

/// The types [`explain`] knows, in the order of their listing.
pub fn types() -> &'static [TypeInfo] {
    &TYPES
}

/// What the parsers make of one text. `Debug` hides the texts, which may be personal data.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Name of the type asked for.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The text as given.
    pub value: String,
    /// Whether the strict parser accepts the text as it stands.
    pub ok: bool,
    /// Stage of the first failing check; `None` when accepted.
    pub level: Option<Level>,
    /// The canonical text, if the text has one: itself when accepted, else what the lenient parser accepts.
    pub normalised: Option<String>,
    /// Codes of the strict parser's warnings; empty when it refused.
    pub warnings: Vec<&'static str>,
    /// Code of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// What is wrong and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Type under which the text is a good value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_as: Option<&'static str>,
    /// The 18-digit form of a 15-digit identity number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converts_to: Option<String>,
}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verdict")
            .field("kind", &self.kind)
            .field("ok", &self.ok)
            .field("level", &self.level)
            .field("code", &self.code)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

/// The name asked for is none of [`types`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no identifier type `{0}`; known are {known}", known = names())]
pub struct UnknownType(pub String);

fn names() -> String {
    TYPES.map(|info| info.name).join(", ")
}

/// Parses `value` strictly and leniently as the named type and reports both results.
///
/// # Errors
/// [`UnknownType`] if `type_name` is not listed by [`types`].
pub fn explain(type_name: &str, value: &str, as_of: Date) -> Result<Verdict, UnknownType> {
    let info =
        TYPES.iter().find(|info| info.name == type_name).ok_or_else(|| UnknownType(type_name.to_owned()))?;
    Ok((info.judge)(value, as_of))
}

fn judge<T: Identifier>(value: &str, as_of: Date) -> Verdict {
    let blank = Verdict {
        kind: T::TYPE,
        value: value.to_owned(),
        ok: true,
        level: None,
        normalised: None,
        warnings: Vec::new(),
        code: None,
        message: None,
        valid_as: None,
        converts_to: None,
    };
    match T::parse_at(value, as_of) {
        Ok(accepted) => Verdict {
            normalised: Some(accepted.value.as_str().to_owned()),
            warnings: accepted.warnings.iter().map(|warning| warning.code).collect(),
            ..blank
        },
        Err(refusal) => Verdict {
            ok: false,
            level: Some(refusal.level),
            normalised: T::lenient_at(value, as_of).ok().map(|accepted| accepted.value.as_str().to_owned()),
            code: Some(refusal.code),
            message: Some(refusal.message),
            valid_as: refusal.valid_as,
            converts_to: refusal.converts_to,
            ..blank
        },
    }
}
