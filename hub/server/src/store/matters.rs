//! Tables `matter` and `matter_entry`: what people settle, each with a log that only grows until it is closed.

use std::collections::HashMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_postgres::Client;
use uuid::Uuid;

use super::{StoreError, Transaction, decode};

/// What sort of matter it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatterKind {
    /// 查封顺位异议.
    Dispute,
    /// 会商.
    Consultation,
    /// An open issue of a province.
    Issue,
}

impl MatterKind {
    /// The word in SQL and in the audit.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dispute => "dispute",
            Self::Consultation => "consultation",
            Self::Issue => "issue",
        }
    }
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// The matter began.
    Opened,
    /// Somebody wrote something down.
    Note,
    /// Somebody added a document.
    Document,
    /// Somebody is to see to it, or until another day.
    Assigned,
    /// The superior court's decision was recorded; closes the matter.
    OrderDecided,
    /// It ended, with a result.
    Closed,
}

impl EntryKind {
    /// The word in SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Note => "note",
            Self::Document => "document",
            Self::Assigned => "assigned",
            Self::OrderDecided => "order_decided",
            Self::Closed => "closed",
        }
    }

    fn closes(self) -> bool {
        matches!(self, Self::OrderDecided | Self::Closed)
    }
}

/// Who acts.
#[derive(Debug, Clone, Copy)]
pub struct Actor<'a> {
    /// Name.
    pub name: &'a str,
    /// As what: `court`, `operator`, `registry`.
    pub role: &'a str,
}

/// Begins a matter with its first entry.
///
/// # Errors
/// When the statement fails.
pub async fn insert(
    tx: &Transaction<'_>,
    matter_id: Uuid,
    kind: MatterKind,
    at: Timestamp,
    actor: Actor<'_>,
    text: &str,
) -> Result<(), StoreError> {
    let statement = include_str!("queries/matter/insert.sql");
    tx.execute(statement, &[&matter_id, &kind.as_str(), &at, &actor.name, &actor.role, &text]).await?;
    Ok(())
}

/// A new entry.
#[derive(Debug)]
pub struct NewEntry<'a> {
    /// What it is.
    pub kind: EntryKind,
    /// Its words.
    pub text: &'a str,
    /// Digest and name of a document.
    pub document: Option<(&'a str, &'a str)>,
}

/// Adds an entry; gives its number, none when the matter is closed or unknown. Locks the matter's row until the
/// transaction ends, after any requests and before the audit.
///
/// # Errors
/// When the statement fails.
pub async fn append(
    tx: &Transaction<'_>,
    matter_id: Uuid,
    kind: MatterKind,
    at: Timestamp,
    actor: Actor<'_>,
    entry: &NewEntry<'_>,
) -> Result<Option<i32>, StoreError> {
    let (sha256, name) = entry.document.unzip();
    let row = tx
        .query_opt(
            include_str!("queries/matter_entry/append.sql"),
            &[
                &matter_id,
                &kind.as_str(),
                &at,
                &actor.name,
                &actor.role,
                &entry.kind.as_str(),
                &entry.text,
                &sha256,
                &name,
                &entry.kind.closes(),
            ],
        )
        .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// One entry of a log.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "MatterEntry")]
pub struct Entry {
    /// Place in the log, from 1.
    pub n: i32,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// As what.
    pub role: String,
    /// What it is.
    pub kind: EntryKind,
    /// Its words.
    pub text: String,
    /// Digest of its document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_sha256: Option<String>,
    /// Name of its document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_name: Option<String>,
}

/// The logs of some matters, each in order. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn entries(client: &Client, matters: &[Uuid]) -> Result<HashMap<Uuid, Vec<Entry>>, StoreError> {
    let mut found: HashMap<Uuid, Vec<Entry>> = HashMap::new();
    for row in client.query(include_str!("queries/matter_entry/of_matters.sql"), &[&matters]).await? {
        let kind: String = row.try_get("kind")?;
        let kind = serde_json::from_value(kind.into()).map_err(|e| decode("matter_entry.kind", e))?;
        found.entry(row.try_get("matter_id")?).or_default().push(Entry {
            n: row.try_get("n")?,
            at: row.try_get("at")?,
            actor: row.try_get("actor")?,
            role: row.try_get("role")?,
            kind,
            text: row.try_get("text")?,
            document_sha256: row.try_get("document_sha256")?,
            document_name: row.try_get("document_name")?,
        });
    }
    Ok(found)
}
