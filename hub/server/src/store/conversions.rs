//! Table `conversion_report`: what registries say about waiting seizures that became formal, every version of it.

use std::collections::HashMap;

use jiff::Timestamp;
use tokio_postgres::types::Json;
use uuid::Uuid;
use xiezhi_schemas::message::ConversionReport;

use super::{StoreError, Transaction};

/// Digests of what was reported about these requests, in order of arrival. The requests must be locked by this
/// transaction.
///
/// # Errors
/// When the statement fails.
pub async fn of_requests(
    tx: &Transaction<'_>,
    requests: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Vec<u8>>>, StoreError> {
    let mut found: HashMap<Uuid, Vec<Vec<u8>>> = HashMap::new();
    for row in tx.query(include_str!("queries/conversion_report/of_requests.sql"), &[&requests]).await? {
        found.entry(row.try_get(0)?).or_default().push(row.try_get(1)?);
    }
    Ok(found)
}

/// A new report.
#[derive(Debug)]
pub struct NewConversion {
    /// Its number for the request, from 1.
    pub n: i32,
    /// What was sent.
    pub report: ConversionReport,
    /// Digest of its canonical JSON.
    pub digest: Vec<u8>,
    /// When the hub received it.
    pub received_at: Timestamp,
}

/// Inserts reports. They are rare, so each has a statement of its own.
///
/// # Errors
/// When a statement fails.
pub async fn insert(tx: &Transaction<'_>, new: &[NewConversion]) -> Result<(), StoreError> {
    for one in new {
        let statement = include_str!("queries/conversion_report/insert.sql");
        let body = Json(&one.report);
        tx.execute(statement, &[&one.report.request_id, &one.n, &body, &one.digest, &one.received_at])
            .await?;
    }
    Ok(())
}
