//! When two bodies mean the same demand: equal values, whatever their white space, escapes and order of keys.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256 of the value with sorted keys and without white space.
pub(crate) fn digest(value: &Value) -> [u8; 32] {
    let mut text = Vec::new();
    write(value, &mut text);
    Sha256::digest(&text).into()
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| key.as_str());
            out.push(b'{');
            for (at, (key, value)) in entries.into_iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                scalar(key, out);
                out.push(b':');
                write(value, out);
            }
            out.push(b'}');
        }
        Value::Array(list) => {
            out.push(b'[');
            for (at, value) in list.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(value, out);
            }
            out.push(b']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => scalar(value, out),
    }
}

fn scalar(value: impl serde::Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(out, &value).expect("texts and numbers are always JSON");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn of(text: &str) -> [u8; 32] {
        digest(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn spelling_does_not_matter_and_values_do() {
        let one = of(r#"{"a":[1,{"b":"x","c":null}],"d":"é"}"#);
        assert_eq!(one, of("{ \"d\" : \"\\u00e9\", \"a\" :\n[1, {\"c\":null, \"b\":\"\\u0078\"}] }"));
        for other in [
            r#"{"a":[1,{"b":"x","c":null}],"d":"e"}"#,
            r#"{"a":[{"b":"x","c":null},1],"d":"é"}"#,
            r#"{"a":[1,{"b":"x"}],"d":"é"}"#,
            r#"{"a":["1",{"b":"x","c":null}],"d":"é"}"#,
            r#"{"a":[1,{"b":"x ","c":null}],"d":"é"}"#,
        ] {
            assert_ne!(one, of(other), "{other}");
        }
    }
}
