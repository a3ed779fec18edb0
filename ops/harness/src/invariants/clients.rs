//! The clients' own log of every submission and every answer, and what it says about the hub.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio_postgres::Client;

use super::evidence::Evidence;
use super::report::Finding;

/// Longest time until a submission is answered, with a refusal if need be.
pub const REFUSE_WITHIN: Duration = Duration::from_secs(5);
const BY: &str = "ops/harness/src/invariants/clients.rs";

/// What came back.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An answer.
    Answered {
        /// HTTP status.
        status: u16,
        /// JSON body, `null` if none.
        body: Value,
    },
    /// The connection broke or could not be made; the hub may have stored the demand or not.
    NoAnswer {
        /// Why.
        why: String,
    },
}

/// One submission and its answer.
#[derive(Debug, Clone, Serialize)]
pub struct Attempt {
    /// Principal that sent it.
    pub sender: String,
    /// The sender's own number of the demand, which makes repeats harmless.
    pub key: String,
    /// Digest of the body's meaning: equal for bodies that differ only in spelling.
    pub meaning: String,
    /// Time until the answer.
    #[serde(rename = "latency_ms", serialize_with = "millis")]
    pub latency: Duration,
    /// What came back.
    pub outcome: Outcome,
}

fn millis<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64() * 1e3)
}

impl Attempt {
    /// Digest of what a body means. `serde_json` keeps the keys of objects sorted.
    #[must_use]
    pub fn meaning_of(body: &Value) -> String {
        hex::encode(Sha256::digest(body.to_string()))
    }

    /// Requests named by a good answer, as (id, registry, digest of the body that travels).
    fn accepted(&self) -> Option<Vec<(&str, &str, &str)>> {
        let Outcome::Answered { status: 200..=299, body } = &self.outcome else { return None };
        let requests = body["requests"].as_array().map(Vec::as_slice).unwrap_or_default();
        Some(
            requests
                .iter()
                .map(|request| {
                    (text(request, "request_id"), text(request, "registry"), text(request, "body_sha256"))
                })
                .collect(),
        )
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// A log that many tasks write to.
#[derive(Debug, Clone, Default)]
pub struct ClientLog(Arc<Mutex<Vec<Attempt>>>);

impl ClientLog {
    /// Adds one attempt.
    pub fn add(&self, attempt: Attempt) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(attempt);
    }

    /// Everything so far.
    #[must_use]
    pub fn attempts(&self) -> Vec<Attempt> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub(super) async fn findings(client: &Client, evidence: &Evidence) -> Result<Vec<Finding>> {
    let statements = [
        ("V01", "what was answered is stored as answered, and nothing is stored that no client sent"),
        (
            "V04",
            "every submission is answered within 5 s, by storing it or by a refusal; faults give 503 only",
        ),
        ("V05", "one key has one meaning and one answer"),
    ];
    let Some(attempts) = &evidence.clients else {
        let missing = "the clients' log";
        return Ok(statements.map(|(id, text)| Finding::not_checked(id, text, BY, missing)).into());
    };
    let rows = client
        .query(
            "SELECT request_id::text, sender, split_part(idem_key, '#', 1), registry, body_sha256 FROM inv_request \
             JOIN inv_channel USING (request_id) WHERE channel = 'net'",
            &[],
        )
        .await?;
    let stored: BTreeMap<String, Stored> = rows
        .iter()
        .map(|row| {
            let stored =
                Stored { sender: row.get(1), key: row.get(2), registry: row.get(3), digest: row.get(4) };
            (row.get(0), stored)
        })
        .collect();
    let found = [conservation(attempts, &stored), answers(attempts), idempotency(attempts)];
    Ok(statements.into_iter().zip(found).map(|((id, text), rows)| Finding::of(id, text, BY, rows)).collect())
}

struct Stored {
    sender: String,
    key: String,
    registry: String,
    digest: String,
}

fn conservation(attempts: &[Attempt], stored: &BTreeMap<String, Stored>) -> Vec<String> {
    let mut wrong = Vec::new();
    let sent: BTreeSet<(&str, &str)> = attempts.iter().map(|a| (a.sender.as_str(), a.key.as_str())).collect();
    let mut answered: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for attempt in attempts {
        let Some(requests) = attempt.accepted() else { continue };
        let key = (attempt.sender.as_str(), attempt.key.as_str());
        if requests.is_empty() {
            wrong.push(format!("{} {} was accepted without any request", key.0, key.1));
        }
        for (id, registry, digest) in requests {
            if !answered.entry(key).or_default().insert(id) {
                continue;
            }
            match stored.get(id) {
                None => wrong.push(format!("answered and not stored: {id} of {} {}", key.0, key.1)),
                Some(s) if (s.sender.as_str(), s.key.as_str()) != key => {
                    wrong.push(format!("{id} is stored for {} {}, not {} {}", s.sender, s.key, key.0, key.1));
                }
                Some(s) if s.registry != registry || s.digest != digest => {
                    wrong.push(format!("{id} is stored with another registry or body than was answered"));
                }
                Some(_) => {}
            }
        }
    }
    for (id, s) in stored {
        let key = (s.sender.as_str(), s.key.as_str());
        if !sent.contains(&key) {
            wrong.push(format!("stored and never sent: {id} of {} {}", s.sender, s.key));
        } else if answered.get(&key).is_some_and(|ids| !ids.contains(id.as_str())) {
            wrong.push(format!("stored beside what was answered: {id} of {} {}", s.sender, s.key));
        }
    }
    wrong
}

fn answers(attempts: &[Attempt]) -> Vec<String> {
    let mut wrong = Vec::new();
    for attempt in attempts {
        let name = format!("{} {}", attempt.sender, attempt.key);
        if attempt.latency > REFUSE_WITHIN {
            wrong.push(format!("{name} waited {:.1} s", attempt.latency.as_secs_f64()));
        }
        if let Outcome::Answered { status, body } = &attempt.outcome
            && *status >= 500
            && *status != 503
        {
            wrong.push(format!("{name} got {status} {}", body["code"]));
        }
    }
    wrong
}

fn idempotency(attempts: &[Attempt]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut first = BTreeMap::new();
    for attempt in attempts {
        let Some(requests) = attempt.accepted() else { continue };
        let key = (attempt.sender.as_str(), attempt.key.as_str());
        match first.get(&key) {
            None => drop(first.insert(key, (attempt.meaning.as_str(), requests))),
            Some((meaning, _)) if *meaning != attempt.meaning => {
                wrong.push(format!("{} {} was accepted with two meanings", key.0, key.1));
            }
            Some((_, known)) if *known != requests => {
                wrong.push(format!("{} {} was answered in two ways", key.0, key.1));
            }
            Some(_) => {}
        }
    }
    // The same meaning must never be told that the key belongs to another body.
    for attempt in attempts {
        let key = (attempt.sender.as_str(), attempt.key.as_str());
        if let Outcome::Answered { status: 409 | 422, .. } = &attempt.outcome
            && first.get(&key).is_some_and(|(meaning, _)| *meaning == attempt.meaning)
        {
            wrong.push(format!(
                "{} {} was accepted once and refused once with the same meaning",
                key.0, key.1
            ));
        }
    }
    wrong
}
