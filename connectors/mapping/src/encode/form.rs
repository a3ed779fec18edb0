//! Flat fields.

use super::{text, unfit};
use crate::{charset::Charset, refusal::Refused, tree::Tree};

/// Names and values of a flat message, for the row of a table.
///
/// # Errors
/// A part that is no plain value, with its place.
pub fn fields(tree: &Tree) -> Result<Vec<(&str, String)>, Refused> {
    let Tree::Record(fields) = tree else { return Err(unfit("", "a flat message is a record of fields")) };
    fields
        .iter()
        .map(|(name, part)| match part {
            Tree::Scalar(scalar) => Ok((name.as_str(), scalar.to_text())),
            _ => Err(unfit(name, "a flat message holds plain values only, and this is a list or record")),
        })
        .collect()
}

/// `name=value&name=value`, percent-encoded bytes of the character set.
pub(super) fn bytes(tree: &Tree, charset: Charset) -> Result<Vec<u8>, Refused> {
    let mut out = Vec::new();
    for (name, value) in fields(tree)? {
        if !out.is_empty() {
            out.push(b'&');
        }
        for part in form_urlencoded::byte_serialize(&text(name, charset, name)?) {
            out.extend_from_slice(part.as_bytes());
        }
        out.push(b'=');
        for part in form_urlencoded::byte_serialize(&text(&value, charset, name)?) {
            out.extend_from_slice(part.as_bytes());
        }
    }
    Ok(out)
}
