//! Environment variables as settings: `XIEZHI_DATABASE__URL` is `database.url`.
//!
//! Their values are text, so each is read as the type that its key has in the default file.

use toml::Value;

/// Variables of the hub's own that are no settings, and those of its neighbours.
const NO_SETTING: &[&str] = &[
    "XIEZHI_CONFIG",
    "XIEZHI_FAILPOINT",
    "XIEZHI_PLANTED_BUG",
    "XIEZHI_TOKEN",
    "XIEZHI_API",
    "XIEZHI_BLESS",
];
const NO_SETTING_PREFIXES: &[&str] = &["XIEZHI_TEST_", "XIEZHI_CONNECTOR__"];

/// The key that a variable sets, as path; `None` when it is none of the hub's settings by name.
pub(super) fn path(name: &str) -> Option<Vec<String>> {
    let rest = name.strip_prefix("XIEZHI_")?;
    if NO_SETTING.contains(&name) || NO_SETTING_PREFIXES.iter().any(|p| name.starts_with(p)) {
        return None;
    }
    Some(rest.to_ascii_lowercase().split("__").map(str::to_owned).collect())
}

/// Reads text as a value of the type of `like`; otherwise says what was expected.
pub(super) fn typed(text: &str, like: &Value) -> Result<Value, String> {
    match like {
        Value::String(_) => Ok(Value::String(text.to_owned())),
        Value::Integer(_) => {
            text.trim().parse().map(Value::Integer).map_err(|_| "expected a whole number".to_owned())
        }
        Value::Float(_) => text
            .trim()
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .map(Value::Float)
            .ok_or_else(|| "expected a number".to_owned()),
        Value::Boolean(_) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(Value::Boolean(true)),
            "false" | "0" | "no" | "off" => Ok(Value::Boolean(false)),
            _ => Err("expected true or false".to_owned()),
        },
        Value::Array(_) => Ok(Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|t| !t.is_empty())
                .map(|t| Value::String(t.to_owned()))
                .collect(),
        )),
        Value::Table(_) | Value::Datetime(_) => Err("names a section, not a setting".to_owned()),
    }
}

/// What a value of this type is called in an error.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Array(_) => "a list of texts",
        Value::Table(_) => "a section",
        Value::Datetime(_) => "a date",
    }
}
