//! Bytes of a local answer → values. Strict: an answer that could be read in two ways is not read.

mod xml;

use serde_json::Value as Json;
use xiezhi_schemas::strict_json;

use crate::{
    charset::{Charset, is_damaged},
    code::Code,
    refusal::Refused,
};

/// Largest answer, in bytes.
const MAX_BYTES: usize = 8 << 20;

/// The form of a local answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// JSON without repeated keys.
    Json,
    /// XML without DOCTYPE.
    Xml,
}

impl Reading {
    pub(crate) const NAMES: [(&'static str, Self); 2] = [("json", Self::Json), ("xml", Self::Xml)];
}

/// The value of these bytes.
pub(crate) fn value(bytes: &[u8], reading: Reading, charset: Charset) -> Result<Json, Refused> {
    if bytes.len() > MAX_BYTES {
        return Err(unreadable("", format!("the answer is longer than {MAX_BYTES} bytes")));
    }
    let text = charset.decode(bytes).map_err(|fault| unreadable("", fault))?;
    let value = match reading {
        Reading::Json => {
            let limits = strict_json::Limits { max_bytes: MAX_BYTES, ..strict_json::Limits::default() };
            strict_json::parse(text.as_bytes(), limits).map_err(|error| {
                unreadable(&error.path, format!("{} (byte {})", error.message, error.offset))
            })?
        }
        Reading::Xml => xml::value(&text, charset)?,
    };
    match damaged(&value, "") {
        Some(at) => Err(unreadable(
            &at,
            "holds the sign of text that was read in a wrong character set (U+FFFD or 锟斤拷) before it was sent; the local system must send it again",
        )),
        None => Ok(value),
    }
}

fn unreadable(at: &str, message: impl Into<String>) -> Refused {
    Refused::one(Code::Unreadable, at, message)
}

/// The first place with a text that was damaged on its way.
fn damaged(value: &Json, at: &str) -> Option<String> {
    match value {
        Json::String(text) => is_damaged(text).then(|| at.to_owned()),
        Json::Array(items) => {
            items.iter().enumerate().find_map(|(n, item)| damaged(item, &format!("{at}[{n}]")))
        }
        Json::Object(fields) => {
            fields.iter().find_map(|(name, field)| damaged(field, &format!("{at}.{name}")))
        }
        _ => None,
    }
}
