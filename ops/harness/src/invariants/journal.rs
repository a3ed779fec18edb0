//! The registries' own journals against the ledger: what the ledger calls delivered the registry holds, with the same
//! bytes, and what the registry holds has a receipt.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::Client;

use super::evidence::Evidence;
use super::report::Finding;

const BY: &str = "ops/harness/src/invariants/journal.rs";

/// What a registry wrote of one demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// It took the demand.
    Taken {
        /// Digest of the bytes that came.
        body_sha256: String,
    },
    /// It got again what it holds.
    Duplicate {
        /// Digest of the bytes that came.
        body_sha256: String,
    },
    /// It returned the demand at the door.
    Turned,
    /// It struck out what it had taken.
    Voided,
    /// It entered its decision.
    Decided,
}

/// One line of a registry's journal.
#[derive(Debug, Clone)]
pub struct JournalLine {
    /// Registry.
    pub registry: String,
    /// Request.
    pub request_id: String,
    /// When, the registry's clock.
    pub at: Timestamp,
    /// What.
    pub entry: Entry,
}

/// Reads the entries of a simulated county's journal; those that concern no demand are left out.
///
/// # Errors
/// When an entry has another form than the published one.
pub fn read_journal(entries: &[Value]) -> Result<Vec<JournalLine>> {
    let mut lines = Vec::with_capacity(entries.len());
    for value in entries {
        let word = |key: &str| -> Result<String> {
            Ok(value[key]
                .as_str()
                .with_context(|| format!("no {key} in the journal entry {value}"))?
                .to_owned())
        };
        let entry = match word("event")?.as_str() {
            "taken" => Entry::Taken { body_sha256: word("body_sha256")? },
            "duplicate" => Entry::Duplicate { body_sha256: word("body_sha256")? },
            "turned" => Entry::Turned,
            "voided" => Entry::Voided,
            "decided" => Entry::Decided,
            _ => continue,
        };
        lines.push(JournalLine {
            registry: word("registry")?,
            request_id: word("request_id")?,
            at: word("at")?.parse().context("the time of a journal entry")?,
            entry,
        });
    }
    Ok(lines)
}

/// What a registry holds of one request.
#[derive(Debug, Default)]
struct Holding {
    digest: Option<String>,
    /// When it was taken; when it was struck out and taken again, the later time.
    taken_at: Option<Timestamp>,
    others: BTreeSet<String>,
}

fn holdings(lines: &[JournalLine]) -> BTreeMap<(String, String), Holding> {
    let mut all: BTreeMap<(String, String), Holding> = BTreeMap::new();
    for line in lines {
        let holding = all.entry((line.registry.clone(), line.request_id.clone())).or_default();
        match &line.entry {
            Entry::Taken { body_sha256 } => {
                holding.digest = Some(body_sha256.clone());
                holding.taken_at = Some(line.at);
            }
            Entry::Voided => holding.digest = None,
            Entry::Duplicate { body_sha256 } => drop(holding.others.insert(body_sha256.clone())),
            Entry::Turned | Entry::Decided => {}
        }
    }
    all
}

pub(super) async fn findings(client: &Client, evidence: &Evidence) -> Result<Vec<Finding>> {
    let statements = [
        ("V09", "what has a receipt the registry holds, and what the registry holds has a receipt"),
        ("V17", "the registry holds the bytes that were accepted"),
        ("V18", "nothing was registered before the registry took it"),
    ];
    let Some(lines) = &evidence.journals else {
        let missing = "the registries' journals";
        return Ok(statements.map(|(id, text)| Finding::not_checked(id, text, BY, missing)).into());
    };
    let rows = client
        .query(
            "SELECT r.registry, r.request_id::text, r.body_sha256, c.body_sha256, r.state, \
                    (SELECT min(e.registered_at) FROM inv_result e WHERE e.request_id = r.request_id) \
             FROM inv_request r JOIN inv_channel h USING (request_id) LEFT JOIN inv_receipt c USING (request_id, registry) \
             WHERE h.channel = 'net'",
            &[],
        )
        .await?;
    let mut held = holdings(lines);
    let [mut missing, mut bytes, mut early] = [Vec::new(), Vec::new(), Vec::new()];
    for row in rows {
        let (registry, id, accepted): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let (receipt, state): (Option<String>, String) = (row.get(3), row.get(4));
        let registered: Option<Timestamp> = row.get(5);
        let holding = held.remove(&(registry.clone(), id.clone())).unwrap_or_default();
        match (&receipt, &holding.digest) {
            (Some(_), None) => missing.push(format!("{registry} does not hold {id}, which has a receipt")),
            // The message is held for a replay, which will bring the receipt or strike the entry out.
            (None, Some(_)) if state == "undelivered" => {}
            (None, Some(_)) => {
                missing.push(format!("{registry} holds {id} without a receipt; it is {state}"))
            }
            _ => {}
        }
        let seen = holding.digest.iter().chain(&holding.others).chain(&receipt);
        if seen.into_iter().any(|digest| *digest != accepted) {
            bytes.push(format!(
                "{registry} got other bytes of {id} than were accepted, or the receipt confirms others"
            ));
        }
        if let (Some(registered), Some(taken)) = (registered, holding.taken_at)
            && registered < taken
        {
            early.push(format!("{registry} registered {id} at {registered} and took it at {taken}"));
        }
    }
    missing
        .extend(held.into_keys().map(|(registry, id)| format!("{registry} got {id}, which no court sent")));
    let found = [missing, bytes, early];
    Ok(statements.into_iter().zip(found).map(|((id, text), rows)| Finding::of(id, text, BY, rows)).collect())
}
