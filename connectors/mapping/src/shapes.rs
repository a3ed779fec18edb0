//! What the published messages look like, so that a misspelt field is found when the file is loaded and not when a demand
//! comes. Taken from the schemas of the types themselves.

use schemars::JsonSchema;
use serde_json::Value;

use crate::reader::{listed, nearest};

/// What is known about a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    /// Nothing.
    Any,
    /// A part of a published message.
    Published {
        /// The whole schema, for its definitions.
        root: std::sync::Arc<Value>,
        /// The part, with references resolved.
        node: Value,
    },
}

/// Where a path leads.
pub(crate) struct Step {
    /// What is there.
    pub(crate) shape: Shape,
    /// The first part of the path that may be missing, when more of the path follows.
    pub(crate) optional_before: Option<String>,
}

impl Shape {
    /// The shape of a published type.
    pub(crate) fn of<T: JsonSchema>() -> Self {
        let root = std::sync::Arc::new(schemars::schema_for!(T).to_value());
        let node = resolve(&root, &root);
        Self::Published { root, node }
    }

    /// A record of these fields, of any value; `sure` are always there.
    pub(crate) fn record(fields: &[&str], sure: &[&str]) -> Self {
        let properties: serde_json::Map<String, Value> =
            fields.iter().map(|name| ((*name).to_owned(), Value::Bool(true))).collect();
        let node = serde_json::json!({ "properties": properties, "required": sure });
        Self::Published { root: std::sync::Arc::new(Value::Null), node }
    }

    /// A list of such.
    pub(crate) fn list_of(self) -> Self {
        match self {
            Self::Any => Self::Any,
            Self::Published { root, node } => {
                Self::Published { root, node: serde_json::json!({ "type": "array", "items": node }) }
            }
        }
    }

    /// Follows a path of names.
    ///
    /// # Errors
    /// Which step does not exist, and which names there are.
    pub(crate) fn step(&self, name: &str, path: &str) -> Result<Step, String> {
        let mut shape = self.clone();
        let mut so_far = name.to_owned();
        let mut optional_before = None;
        let mut maybe_missing: Option<String> = None;
        for step in path.split('.').filter(|step| !step.is_empty()) {
            optional_before = optional_before.or_else(|| maybe_missing.take());
            let Self::Published { root, node } = &shape else { break };
            if *node == Value::Bool(true) {
                break;
            }
            let Some(properties) = node.get("properties").and_then(Value::as_object) else {
                return Err(match node.get("type").and_then(Value::as_str) {
                    Some("array") => {
                        format!("`{so_far}` is a list; use `each`, or the filters `only` and `one`")
                    }
                    _ => format!("`{so_far}` is a plain value and has no field `{step}`"),
                });
            };
            let Some(next) = properties.get(step) else {
                let known: Vec<&String> = properties.keys().collect();
                return Err(format!(
                    "`{so_far}` has no field `{step}`{}; it has {}",
                    nearest(step, &known),
                    listed(&known)
                ));
            };
            let next = resolve(root, next);
            let needed = required(node).any(|name| name == step);
            so_far = format!("{so_far}.{step}");
            maybe_missing = (!needed).then(|| so_far.clone());
            shape = Self::Published { root: root.clone(), node: next };
        }
        Ok(Step { shape, optional_before })
    }

    /// The shape of one item of a list.
    pub(crate) fn item(&self) -> Self {
        match self {
            Self::Published { root, node } => match node.get("items") {
                Some(items) => Self::Published { root: root.clone(), node: resolve(root, items) },
                None => Self::Any,
            },
            Self::Any => Self::Any,
        }
    }

    /// Whether it is known to be no list.
    pub(crate) fn is_no_list(&self) -> bool {
        match self {
            Self::Published { node, .. } => *node != Value::Bool(true) && node.get("items").is_none(),
            Self::Any => false,
        }
    }

    /// The words it may be, when its words are published.
    pub(crate) fn words(&self) -> Vec<String> {
        let Self::Published { node, .. } = self else { return Vec::new() };
        let constant = |one: &Value| one.get("const").and_then(Value::as_str).map(str::to_owned);
        let word = |one: &Value| one.as_str().map(str::to_owned);
        let list = |key: &str, read: &dyn Fn(&Value) -> Option<String>| -> Vec<String> {
            node.get(key)
                .and_then(Value::as_array)
                .map_or_else(Vec::new, |all| all.iter().filter_map(read).collect())
        };
        [list("oneOf", &constant), list("enum", &word)].concat()
    }

    /// Paths of plain values and lists that must be there.
    pub(crate) fn required_paths(&self) -> Vec<String> {
        let Self::Published { root, node } = self else { return Vec::new() };
        let mut paths = Vec::new();
        for name in required(node) {
            let next = node.get("properties").and_then(|all| all.get(name));
            let inner =
                Self::Published { root: root.clone(), node: resolve(root, next.unwrap_or(&Value::Null)) };
            match inner.required_paths() {
                deeper if deeper.is_empty() => paths.push(name.to_owned()),
                deeper => paths.extend(deeper.into_iter().map(|rest| format!("{name}.{rest}"))),
            }
        }
        paths
    }
}

fn required(node: &Value) -> impl Iterator<Item = &str> {
    node.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// The node behind references, and behind "this or nothing".
fn resolve(root: &Value, node: &Value) -> Value {
    if let Some(target) = node.get("$ref").and_then(Value::as_str) {
        let found = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return resolve(root, found.unwrap_or(&Value::Bool(true)));
    }
    if let Some(choices) = node.get("anyOf").and_then(Value::as_array) {
        let real: Vec<&Value> =
            choices.iter().filter(|one| one.get("type").and_then(Value::as_str) != Some("null")).collect();
        if let [one] = real.as_slice() {
            return resolve(root, one);
        }
    }
    node.clone()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use xiezhi_schemas::message::{Demand, ResultMessage};

    use super::*;

    #[test]
    fn paths_of_a_demand_are_known() {
        let demand = Shape::of::<Demand>();
        let step = |path: &str| demand.step("demand", path);
        assert!(step("case_number").is_ok());
        assert!(step("casenumber").err().unwrap().contains("`case_number`"));
        assert!(step("officers.name").err().unwrap().contains("is a list"));
        assert!(step("case_number.x").err().unwrap().contains("plain value"));
        let from = step("period.from").unwrap();
        assert_eq!(from.optional_before.as_deref(), Some("demand.period"));
        assert_eq!(step("period").unwrap().optional_before, None);
        assert_eq!(step("kind").unwrap().shape.words(), ["seizure", "renewal", "lifting", "waiting"]);
        let officer = step("officers").unwrap().shape.item();
        assert!(officer.step("officer", "kind").unwrap().shape.words().contains(&"work_permit".to_owned()));
    }

    #[test]
    fn required_fields_of_an_outcome_are_known() {
        assert_eq!(
            Shape::of::<ResultMessage>().required_paths(),
            [
                "request_id",
                "registry",
                "registration.status",
                "registration.business_number",
                "registration.registered_at"
            ]
        );
    }
}
