//! Trees → bytes. What a format cannot say exactly is refused with its place, never approximated.

mod form;
mod xml;

pub use form::fields;

use crate::{
    charset::Charset,
    code::Code,
    refusal::Refused,
    rules::{Rule, Source},
    tree::Tree,
};

/// The form of a local message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// JSON, fields in the order of the rules.
    Json,
    /// XML with one root element.
    Xml,
    /// Flat fields: a table's row, or `a=b&c=d`.
    Form,
}

impl Format {
    pub(crate) const NAMES: [(&'static str, Self); 3] =
        [("json", Self::Json), ("xml", Self::Xml), ("form", Self::Form)];

    pub(crate) fn media_type(self, charset: Charset) -> String {
        match self {
            Self::Json => "application/json".into(),
            Self::Xml => format!("application/xml; charset={}", charset.name()),
            Self::Form => format!("application/x-www-form-urlencoded; charset={}", charset.name()),
        }
    }

    /// What these rules would make that the format cannot say.
    pub(crate) fn fault(self, rules: &[Rule]) -> Option<String> {
        let first = |rule: &Rule| rule.to.first().cloned();
        match self {
            Self::Json => None,
            Self::Xml => {
                let root = rules.first().and_then(first)?;
                let other = rules.iter().filter_map(first).find(|name| *name != root);
                match other {
                    Some(other) => Some(format!(
                        "XML has one root element, and the rules write `{root}` and `{other}`; begin every `to` with the same name"
                    )),
                    None if rules
                        .iter()
                        .any(|rule| rule.to.len() == 1 && matches!(rule.from, Source::Each { .. })) =>
                    {
                        Some(format!("XML has one root element, and `each` would make many of `{root}`"))
                    }
                    None => None,
                }
            }
            Self::Form => rules
                .iter()
                .find(|rule| rule.to.len() > 1 || matches!(rule.from, Source::Each { .. }))
                .map(|rule| {
                    format!("a form is flat, and `{}` (line {}) has parts", rule.to.join("."), rule.line)
                }),
        }
    }
}

/// The bytes of a tree.
pub(crate) fn bytes(tree: &Tree, format: Format, charset: Charset) -> Result<Vec<u8>, Refused> {
    match format {
        Format::Json => {
            serde_json::to_vec(tree).map_err(|_| Refused::one(Code::Unfit, "", "has no JSON form"))
        }
        Format::Xml => xml::bytes(tree, charset),
        Format::Form => form::bytes(tree, charset),
    }
}

fn unfit(at: &str, message: impl Into<String>) -> Refused {
    Refused::one(Code::Unfit, at, message)
}

/// The bytes of one text, or which of its characters has no place.
fn text(text: &str, charset: Charset, at: &str) -> Result<Vec<u8>, Refused> {
    charset.encode(text).ok_or_else(|| {
        let place = text.chars().position(|c| charset.encode(c.encode_utf8(&mut [0; 4])).is_none());
        let place = place.map_or_else(String::new, |place| format!(": character {} of the text", place + 1));
        unfit(
            at,
            format!("{} does not have one of its characters{place}; nothing is replaced", charset.name()),
        )
    })
}
