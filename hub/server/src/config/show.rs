//! What `hub config show` prints.

use serde::Serialize;
use toml::Value;

use super::{Loaded, Source};
use crate::store::SecretUrl;

/// One setting in effect.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// `database.url`.
    pub key: String,
    /// Value as TOML writes it; secrets hidden.
    pub value: String,
    /// Where it came from.
    pub source: Source,
}

/// Every key with its value and source. Of URLs only scheme, host, port and path are shown.
pub fn effective(loaded: &Loaded) -> Vec<Line> {
    loaded
        .keys()
        .into_iter()
        .map(|key| {
            let value = loaded.value(&key).map(|value| shown(&key, value)).unwrap_or_default();
            let source = loaded.source(&key);
            Line { key, value, source }
        })
        .collect()
}

fn shown(key: &str, value: &Value) -> String {
    match value.as_str() {
        Some("") | None => value.to_string(),
        Some(text) if key.ends_with("url") || key.ends_with("endpoint") => {
            Value::String(SecretUrl::new(text).public()).to_string()
        }
        Some(_) if key.ends_with("secret_key") || key.ends_with("access_key") => "\"(hidden)\"".to_owned(),
        Some(_) => value.to_string(),
    }
}
