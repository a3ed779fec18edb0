//! The local message before it becomes bytes: a tree whose fields keep the order of the rules, because many local systems
//! compare XML with a schema that fixes the order.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

/// A plain value.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Scalar {
    /// Text.
    Text(String),
    /// Whole number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
}

impl Scalar {
    /// The value as text: `true` and `false` for a flag.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
        }
    }

    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Number(number) => number.as_i64().map(Self::Number),
            Value::Bool(flag) => Some(Self::Flag(*flag)),
            _ => None,
        }
    }
}

/// Part of a local message.
#[derive(Clone, PartialEq, Eq)]
pub enum Tree {
    /// A plain value.
    Scalar(Scalar),
    /// Repeated parts.
    List(Vec<Tree>),
    /// Named parts in the order of the rules; each name once.
    Record(Vec<(String, Tree)>),
}

/// Hides what is in it: messages hold names and numbers of persons.
impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(_) => f.write_str("…"),
            Self::List(items) => f.debug_list().entries(items).finish(),
            Self::Record(fields) => {
                f.debug_map().entries(fields.iter().map(|(key, tree)| (key, tree))).finish()
            }
        }
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Scalar(scalar) => scalar.serialize(serializer),
            Self::List(items) => items.serialize(serializer),
            Self::Record(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (key, tree) in fields {
                    map.serialize_entry(key, tree)?;
                }
                map.end()
            }
        }
    }
}

impl Tree {
    /// The same as a JSON value, which does not keep the order of fields.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Scalar(Scalar::Text(text)) => text.as_str().into(),
            Self::Scalar(Scalar::Number(number)) => (*number).into(),
            Self::Scalar(Scalar::Flag(flag)) => (*flag).into(),
            Self::List(items) => items.iter().map(Self::to_value).collect(),
            Self::Record(fields) => fields.iter().map(|(key, tree)| (key.clone(), tree.to_value())).collect(),
        }
    }

    /// Puts a part at a path. False when something else stands on the way or at its end.
    pub(crate) fn put(&mut self, path: &[String], part: Self) -> bool {
        let Some((first, rest)) = path.split_first() else { return false };
        let Self::Record(fields) = self else { return false };
        let found = fields.iter().position(|(key, _)| key == first);
        match (found, rest.is_empty()) {
            (Some(_), true) => false,
            (None, true) => {
                fields.push((first.clone(), part));
                true
            }
            (Some(at), false) => fields[at].1.put(rest, part),
            (None, false) => {
                let mut inner = Self::Record(Vec::new());
                let put = inner.put(rest, part);
                fields.push((first.clone(), inner));
                put
            }
        }
    }
}

/// The value at `a.b.0.c` of a JSON value; a number steps into a list.
pub(crate) fn lookup<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').filter(|step| !step.is_empty()).try_fold(value, |value, step| match value {
        Value::Object(fields) => fields.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}
