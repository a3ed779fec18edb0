//! Table `outcome`: what registries decided, every version of it.

use std::collections::HashMap;

use jiff::Timestamp;
use tokio_postgres::{Client, types::Json};
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
    /// Until when the court must be told; none for a return, or while it cannot be counted.
    pub due_at: Option<Timestamp>,
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
            due_at: row.try_get("due_at")?,
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
    /// Until when the court must be told; none for a return, or while it cannot be counted.
    pub due_at: Option<Timestamp>,
    /// What it counts as.
    pub disposition: Disposition,
}

/// When the registry entered it in the register; none for a return.
pub fn registered_at(message: &OutcomeMessage) -> Option<Timestamp> {
    match message {
        OutcomeMessage::ResultV1(result) => Some(result.registration.registered_at),
        OutcomeMessage::ReturnV1(_) | OutcomeMessage::DeclinedV1(_) | OutcomeMessage::ConversionV1(_) => None,
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
    let due: Vec<Option<Timestamp>> = new.iter().map(|o| o.due_at).collect();
    let dispositions: Vec<&str> = new.iter().map(|o| o.disposition.as_str()).collect();
    let statement = tx.prepare_cached(include_str!("queries/outcome/insert.sql")).await?;
    tx.execute(
        &statement,
        &[&ids, &ns, &outcomes, &bodies, &digests, &received, &registered, &due, &fed, &dispositions],
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

/// A result whose due time is not known yet.
#[derive(Debug)]
pub struct WithoutDue {
    /// Request.
    pub request_id: Uuid,
    /// Its number for the request.
    pub n: i32,
    /// 登簿时间.
    pub registered_at: Timestamp,
}

/// Results without a due time that were registered from `from` on and before `to`, oldest first. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn without_due(
    client: &Client,
    from: Timestamp,
    to: Timestamp,
    limit: i64,
) -> Result<Vec<WithoutDue>, StoreError> {
    let rows = client.query(include_str!("queries/outcome/without_due.sql"), &[&from, &to, &limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(WithoutDue {
                request_id: row.try_get("request_id")?,
                n: row.try_get("n")?,
                registered_at: row.try_get("registered_at")?,
            })
        })
        .collect()
}

/// Gives results their due time, unless they have one by now; those that got it, each with its due time and when the court
/// was told.
///
/// # Errors
/// When the statement fails.
pub async fn set_due(
    tx: &Transaction<'_>,
    counted: &[(Uuid, i32, Timestamp)],
) -> Result<Vec<(Uuid, Timestamp, Option<Timestamp>)>, StoreError> {
    let ids: Vec<Uuid> = counted.iter().map(|c| c.0).collect();
    let ns: Vec<i32> = counted.iter().map(|c| c.1).collect();
    let dues: Vec<Timestamp> = counted.iter().map(|c| c.2).collect();
    let rows = tx.query(include_str!("queries/outcome/set_due.sql"), &[&ids, &ns, &dues]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).collect()
}
