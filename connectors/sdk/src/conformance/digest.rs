//! A digest that tells whether two runs had the same options, and from which no secret can be guessed.

use toml::{Table, Value};
use xiezhi_schemas::message::Digest;

/// Parts of a key whose value is a secret. Options are named so: see `connectors/CONTRACT.md`.
const SECRET: [&str; 6] = ["token", "password", "passphrase", "secret", "credential", "private_key"];

/// SHA-256 of the adapter's name and options in one order, with `hidden` in the place of each secret: values under keys that name
/// one, and the account in a URL.
pub fn options_digest(adapter: &str, options: &Table) -> Digest {
    let mut options = options.clone();
    options.iter_mut().for_each(|(key, value)| hide(key, value));
    // The table is a sorted map, so equal options give equal text.
    Digest::of(format!("adapter = {adapter:?}\n{options}").as_bytes())
}

fn hide(key: &str, value: &mut Value) {
    let key = key.to_ascii_lowercase();
    if SECRET.iter().any(|word| key.contains(word)) && !value.is_table() {
        *value = Value::String("hidden".into());
        return;
    }
    match value {
        Value::Table(table) => table.iter_mut().for_each(|(key, value)| hide(key, value)),
        Value::Array(list) => list.iter_mut().for_each(|value| hide(&key, value)),
        Value::String(text) => {
            let Some((scheme, rest)) = text.split_once("://") else { return };
            let end = rest.find('/').unwrap_or(rest.len());
            if let Some(at) = rest[..end].rfind('@') {
                *text = format!("{scheme}://hidden{}", &rest[at..]);
            }
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn of(text: &str) -> Digest {
        options_digest("rest", &text.parse().unwrap())
    }

    #[test]
    fn secrets_make_no_difference_and_everything_else_does() {
        let base = of("url = 'mysql://a:b@h:1/x@y'\ntoken = 't'\n[registries.320104]\ndb_password = 1");
        assert_eq!(
            base,
            of("token = 'u'\nurl = 'mysql://c:d@h:1/x@y'\n[registries.320104]\ndb_password = 'p'")
        );
        for other in [
            "url = 'mysql://a:b@h:2/x@y'\ntoken = 't'\n[registries.320104]\ndb_password = 1",
            "url = 'mysql://a:b@h:1/x@z'\ntoken = 't'\n[registries.320104]\ndb_password = 1",
            "url = 'mysql://a:b@h:1/x@y'\ntoken = 't'\n[registries.320105]\ndb_password = 1",
            "url = 'mysql://a:b@h:1/x@y'\n[registries.320104]\ndb_password = 1",
        ] {
            assert_ne!(base, of(other), "{other}");
        }
        assert_ne!(base, options_digest("soap", &Table::new()));
        assert_eq!(of("[tokens]\na = 1"), of("[tokens]\na = 1"));
    }
}
