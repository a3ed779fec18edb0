//! Table `local_receipt`: what point-to-point systems (点对点) say they received, every version of it.

use deadpool_postgres::Client;
use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::types::Json;
use uuid::Uuid;
use xiezhi_schemas::address::RegistryCode;

use super::{StoreError, Transaction, decode};

/// What a report counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It has its receipts.
    Recorded,
    /// It could not be recorded.
    Refused,
    /// Another report stands under its number.
    Contradicting,
}

impl Disposition {
    /// The word in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Refused => "refused",
            Self::Contradicting => "contradicting",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        [Self::Recorded, Self::Refused, Self::Contradicting]
            .into_iter()
            .find(|one| one.as_str() == word)
            .ok_or_else(|| decode("local_receipt.disposition", word.to_owned()))
    }
}

/// A version as it stands.
#[derive(Debug, Clone)]
pub struct Version {
    /// Digest of its canonical form.
    pub body_sha256: Vec<u8>,
    /// What it counts as.
    pub disposition: Disposition,
    /// Why it was refused.
    pub code: Option<String>,
}

/// Every version under this number. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn versions(
    client: &Client,
    registry: &RegistryCode,
    number: &str,
) -> Result<Vec<Version>, StoreError> {
    let statement = include_str!("queries/local_receipt/versions.sql");
    let rows = client.query(statement, &[&registry.as_str(), &number]).await?;
    rows.iter()
        .map(|row| {
            Ok(Version {
                body_sha256: row.try_get("body_sha256")?,
                disposition: Disposition::parse(row.try_get("disposition")?)?,
                code: row.try_get("code")?,
            })
        })
        .collect()
}

/// A new version.
#[derive(Debug)]
pub struct NewVersion<'a> {
    /// Id of the evidence.
    pub evidence_id: Uuid,
    /// Registry.
    pub registry: &'a RegistryCode,
    /// Local number.
    pub number: &'a str,
    /// What was reported.
    pub body: &'a Value,
    /// Digest of its canonical form.
    pub body_sha256: &'a [u8],
    /// Connector instance.
    pub connector: &'a str,
    /// When it was reported, database's clock.
    pub reported_at: Timestamp,
    /// The local system's instant.
    pub received_at: Timestamp,
    /// What it counts as.
    pub disposition: Disposition,
    /// Why it was refused.
    pub code: Option<&'a str>,
    /// The bound that was applied.
    pub bound_secs: i64,
}

/// Keeps a version; `false` if it, or a recorded one under its number, is there already.
///
/// # Errors
/// When the statement fails.
pub async fn insert(tx: &Transaction<'_>, new: &NewVersion<'_>) -> Result<bool, StoreError> {
    let written = tx
        .execute(
            include_str!("queries/local_receipt/insert.sql"),
            &[
                &new.evidence_id,
                &new.registry.as_str(),
                &new.number,
                &Json(new.body),
                &new.body_sha256,
                &new.connector,
                &new.reported_at,
                &new.received_at,
                &new.disposition.as_str(),
                &new.code,
                &new.bound_secs,
            ],
        )
        .await?;
    Ok(written == 1)
}
