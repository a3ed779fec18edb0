//! Liveness and readiness: what is missing before the hub can do its work.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The state of the hub's parts, set by whoever looks after each.
#[derive(Debug, Default)]
pub struct Health {
    parts: Mutex<BTreeMap<&'static str, Result<(), String>>>,
}

/// One part's own view of [`Health`]: whoever connects says so, and the supervisor's wrapper says when it ended.
#[derive(Debug, Clone)]
pub struct Part {
    health: Arc<Health>,
    name: &'static str,
}

impl Part {
    /// The part works.
    pub fn up(&self) {
        self.health.set(self.name, Ok(()));
    }

    /// The part does not work.
    pub fn down(&self, why: impl Into<String>) {
        self.health.set(self.name, Err(why.into()));
    }
}

/// Body of `GET /readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Readiness {
    /// Whether every part works.
    pub ready: bool,
    /// Each part: `ok`, or what it lacks.
    pub parts: BTreeMap<String, String>,
}

impl Health {
    /// All parts of a hub, none of them up yet: a part that never reports keeps the hub unready.
    pub fn expecting(parts: &[&'static str]) -> Self {
        let waiting = parts.iter().map(|part| (*part, Err("not started".to_owned()))).collect();
        Self { parts: Mutex::new(waiting) }
    }

    /// Reports how a part is. The text goes to whoever can reach the port: no hosts, no secrets.
    pub fn set(&self, part: &'static str, state: Result<(), String>) {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).insert(part, state);
    }

    /// The view of one part.
    pub fn part(self: &Arc<Self>, name: &'static str) -> Part {
        Part { health: self.clone(), name }
    }

    /// All parts together.
    pub fn readiness(&self) -> Readiness {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        Readiness {
            ready: parts.values().all(Result::is_ok),
            parts: parts
                .iter()
                .map(|(part, state)| {
                    ((*part).to_owned(), state.as_ref().err().cloned().unwrap_or_else(|| "ok".to_owned()))
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_part_keeps_the_hub_unready() {
        let health = Health::expecting(&["database", "broker"]);
        health.set("database", Ok(()));
        assert!(!health.readiness().ready);
        assert_eq!(health.readiness().parts["broker"], "not started");
        health.set("broker", Ok(()));
        assert!(health.readiness().ready);
    }
}
