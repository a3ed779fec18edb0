//! Identifiers that courts and registries exchange: parsed once at the edge, then carried as types that cannot
//! hold a malformed value.
//!
//! Every identifier has two parsers. The strict one ([`Identifier::parse_at`], `FromStr`, serde) takes the
//! canonical form only. The lenient one ([`Identifier::lenient`]) is for what people type and old systems send:
//! it drops white space, turns full-width digits and letters into ASCII, raises letters, turns ASCII brackets in
//! case and certificate numbers into full-width ones, and then asks the strict parser. It never guesses. A caller
//! that parses leniently keeps the received text beside the value.
//!
//! Checks run in the order of [`Level`] and the first failure is the [`Refusal`]. Checks that depend on the date
//! take `as_of`; `FromStr`, serde and [`Identifier::lenient`] use today in China.

mod case_number;
mod certificate;
mod court_code;
mod division_code;
mod divisions;
mod explain;
mod legacy_case_number;
mod message_number;
mod refusal;
mod resident_id;
mod text;
mod unit_code;
mod uscc;

use jiff::civil::Date;

pub use case_number::{CaseNumber, DocumentNumber};
pub use certificate::{CertificateNumber, CertificateOfProof, LegacyCertificate};
pub use court_code::{CourtCode, CourtLevel};
pub use division_code::DivisionCode;
pub use divisions::{Division, DivisionKind, division, divisions};
pub use explain::{TypeInfo, UnknownType, Verdict, explain, types};
pub use legacy_case_number::{LegacyCaseNumber, OriginalCaseNumber};
pub use message_number::{BizMsgId, PrefixedRequestNo, RequestNo};
pub use refusal::{Accepted, Level, Refusal, Warning};
pub use resident_id::{ResidentId, ResidentId15};
pub use unit_code::UnitCode;
pub use uscc::Uscc;

/// What all identifiers have in common: a name, a source, a written form and two parsers.
pub trait Identifier: Sized + AsRef<str> {
    /// Name of the type in reports and on the command line, such as `bdcdyh`.
    const TYPE: &'static str;
    /// Chinese term.
    const CHINESE: &'static str;
    /// Standard or rule that defines the form.
    const SOURCE: &'static str;
    /// Regular expression of the written form, what [`Level::Format`] checks; published in the JSON schema.
    const PATTERN: &'static str;

    /// Strict parser: takes the canonical form only. `as_of` is the date after which nothing can have happened yet.
    ///
    /// # Errors
    /// The first check that fails, in the order of [`Level`].
    fn parse_at(text: &str, as_of: Date) -> Result<Accepted<Self>, Refusal>;

    /// The repairs of the lenient parser, without parsing. Idempotent; leaves canonical text alone.
    fn normalise(text: &str) -> String;

    /// Lenient parser: [`normalise`](Self::normalise), then [`parse_at`](Self::parse_at).
    ///
    /// # Errors
    /// As the strict parser on the repaired text.
    fn lenient_at(text: &str, as_of: Date) -> Result<Accepted<Self>, Refusal> {
        Self::parse_at(&Self::normalise(text), as_of)
    }

    /// [`lenient_at`](Self::lenient_at) today.
    ///
    /// # Errors
    /// As the strict parser on the repaired text.
    fn lenient(text: &str) -> Result<Accepted<Self>, Refusal> {
        Self::lenient_at(text, today())
    }

    /// The canonical text.
    fn as_str(&self) -> &str {
        self.as_ref()
    }
}

/// Today's date in China, which has had one offset and no summer time since 1992.
pub fn today() -> Date {
    jiff::tz::Offset::constant(8).to_datetime(jiff::Timestamp::now()).date()
}

/// Implements [`Identifier`] for a tuple struct around its text. `check` returns the warnings of a good text.
macro_rules! identifier {
    ($name:ident {
        name: $kind:literal, chinese: $chinese:literal, source: $source:literal,
        pattern: $pattern:expr, normalise: $normalise:path, check: $check:path $(,)?
    }) => {
        impl $crate::identifier::Identifier for $name {
            const TYPE: &'static str = $kind;
            const CHINESE: &'static str = $chinese;
            const SOURCE: &'static str = $source;
            const PATTERN: &'static str = $pattern;

            fn parse_at(
                text: &str,
                as_of: jiff::civil::Date,
            ) -> Result<$crate::identifier::Accepted<Self>, $crate::identifier::Refusal> {
                let warnings = $check(text, as_of)?;
                Ok($crate::identifier::Accepted { value: Self(text.to_owned()), warnings })
            }

            fn normalise(text: &str) -> String {
                $normalise(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        $crate::identifier::through_text!($name);
    };
}

/// Text conversions, serde and the JSON schema of a type that implements [`Identifier`].
macro_rules! through_text {
    ($name:ident) => {
        impl std::str::FromStr for $name {
            type Err = $crate::identifier::Refusal;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                use $crate::identifier::Identifier as _;
                Ok(Self::parse_at(text, $crate::identifier::today())?.value)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_ref())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_ref())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_id() -> std::borrow::Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($name)).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                use $crate::identifier::Identifier as _;
                schemars::json_schema!({
                    "type": "string",
                    "title": Self::CHINESE,
                    "description": format!("{} ({})", Self::TYPE, Self::SOURCE),
                    "pattern": Self::PATTERN,
                    "format": Self::TYPE,
                })
            }
        }
    };
}

use {identifier, through_text};
