//! Table `outcome`: what registries decided, every version of it.

use std::collections::HashMap;

use jiff::Timestamp;
use tokio_postgres::types::Json;
use uuid::Uuid;
use xiezhi_domain::outcome::Disposition;
use xiezhi_schemas::message::OutcomeMessage;

use super::{StoreError, Transaction, decode};

/// A stored outcome.
#[derive(Debug, Clone)]
pub struct StoredOutcome {
    /// Its number for the request, from 1.
    pub n: i32,
    /// What was sent.
    pub message: OutcomeMessage,
    /// Digest of its canonical JSON.
    pub digest: Vec<u8>,
    /// What it counts as.
    pub disposition: Disposition,
}

/// All outcomes of these requests, in order of arrival. The requests must be locked by this transaction.
///
/// # Errors
/// When the statement fails.
pub async fn of_requests(
    tx: &Transaction<'_>,
    requests: &[Uuid],
) -> Result<HashMap<Uuid, Vec<StoredOutcome>>, StoreError> {
    let statement = tx.prepare_cached(include_str!("queries/outcome/of_requests.sql")).await?;
    let mut found: HashMap<Uuid, Vec<StoredOutcome>> = HashMap::new();
    for row in tx.query(&statement, &[&requests]).await? {
        let Json(message) = row.try_get("body")?;
        let disposition: String = row.try_get("disposition")?;
        found.entry(row.try_get("request_id")?).or_default().push(StoredOutcome {
            n: row.try_get("n")?,
            message,
            digest: row.try_get("body_sha256")?,
            disposition: disposition.parse().map_err(|e| decode("outcome.disposition", e))?,
        });
    }
    Ok(found)
}

/// A new outcome.
#[derive(Debug)]
pub struct NewOutcome {
    /// Request.
    pub request_id: Uuid,
    /// Number.
    pub n: i32,
    /// `registered`, `returned` or `withdrawn`.
    pub outcome: &'static str,
    /// What was sent.
    pub message: OutcomeMessage,
    /// Digest of its canonical JSON.
    pub digest: Vec<u8>,
    /// When the hub received it.
    pub received_at: Timestamp,
    /// What it counts as.
    pub disposition: Disposition,
}

/// When the registry entered it in the register; none for a return.
pub fn registered_at(message: &OutcomeMessage) -> Option<Timestamp> {
    match message {
        OutcomeMessage::ResultV1(result) => Some(result.registration.registered_at),
        OutcomeMessage::ReturnV1(_) | OutcomeMessage::DeclinedV1(_) => None,
    }
}

/// Inserts outcomes. An effective one counts as fed back at once, because the court's stream grows in the same transaction.
///
/// # Errors
/// When the statement fails.
pub async fn insert(tx: &Transaction<'_>, new: &[NewOutcome]) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = new.iter().map(|o| o.request_id).collect();
    let ns: Vec<i32> = new.iter().map(|o| o.n).collect();
    let outcomes: Vec<&str> = new.iter().map(|o| o.outcome).collect();
    let bodies: Vec<Json<&OutcomeMessage>> = new.iter().map(|o| Json(&o.message)).collect();
    let digests: Vec<&[u8]> = new.iter().map(|o| o.digest.as_slice()).collect();
    let received: Vec<Timestamp> = new.iter().map(|o| o.received_at).collect();
    let registered: Vec<Option<Timestamp>> = new.iter().map(|o| registered_at(&o.message)).collect();
    let fed: Vec<Option<Timestamp>> =
        new.iter().map(|o| (o.disposition == Disposition::Effective).then_some(o.received_at)).collect();
    let dispositions: Vec<&str> = new.iter().map(|o| o.disposition.as_str()).collect();
    let statement = tx.prepare_cached(include_str!("queries/outcome/insert.sql")).await?;
    tx.execute(
        &statement,
        &[&ids, &ns, &outcomes, &bodies, &digests, &received, &registered, &fed, &dispositions],
    )
    .await?;
    Ok(())
}

/// Gives early outcomes their disposition: request, number, disposition, and when the court was told.
///
/// # Errors
/// When the statement fails.
pub async fn dispose(
    tx: &Transaction<'_>,
    decided: &[(Uuid, i32, Disposition, Option<Timestamp>)],
) -> Result<(), StoreError> {
    if decided.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = decided.iter().map(|d| d.0).collect();
    let ns: Vec<i32> = decided.iter().map(|d| d.1).collect();
    let dispositions: Vec<&str> = decided.iter().map(|d| d.2.as_str()).collect();
    let fed: Vec<Option<Timestamp>> = decided.iter().map(|d| d.3).collect();
    let statement = tx.prepare_cached(include_str!("queries/outcome/dispose.sql")).await?;
    tx.execute(&statement, &[&ids, &ns, &dispositions, &fed]).await?;
    Ok(())
}
