//! Table `feedback_queue`: which courts find their feedback in a queue on the broker, and how far it was published.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Client;
use xiezhi_schemas::address::CourtName;

use super::{StoreError, Transaction, decode};

/// The courts whose queue should exist: those with a row that are not disabled. Takes no lock.
///
/// # Errors
/// When the statement fails or a stored name is none.
pub async fn courts(client: &Client) -> Result<BTreeSet<CourtName>, StoreError> {
    let rows = client.query(include_str!("queries/feedback_queue/courts.sql"), &[]).await?;
    rows.iter().map(|row| court(row.try_get(0)?)).collect()
}

/// Gives a court a queue, or sets an existing one back or forth: `after` is the last event that counts as published, for a
/// new row 0, for an existing one its place. False when there is no such court, or it is disabled. Locks the row until the
/// transaction ends.
///
/// # Errors
/// When the statement fails.
pub async fn set(tx: &Transaction<'_>, sender: &str, after: Option<i64>) -> Result<bool, StoreError> {
    Ok(tx.execute(include_str!("queries/feedback_queue/set.sql"), &[&sender, &after]).await? == 1)
}

/// Takes a court's queue away with its place in the stream; says whether there was one. Locks the row until the transaction
/// ends.
///
/// # Errors
/// When the statement fails.
pub async fn delete(tx: &Transaction<'_>, sender: &str) -> Result<bool, StoreError> {
    Ok(tx.execute(include_str!("queries/feedback_queue/delete.sql"), &[&sender]).await? == 1)
}

/// A court's queue as the list shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// The court's principal.
    pub court: String,
    /// Since when it has the queue. UTC.
    pub since: Timestamp,
    /// Last event that the broker confirmed.
    pub published_seq: i64,
    /// Last event of the stream.
    pub last_seq: i64,
    /// When the broker last took one. UTC.
    pub published_at: Option<Timestamp>,
    /// Why the broker does not take the next one.
    pub last_error: Option<String>,
}

/// All queues by court. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn list(client: &Client) -> Result<Vec<Listed>, StoreError> {
    let rows = client.query(include_str!("queries/feedback_queue/list.sql"), &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Listed {
                court: row.try_get(0)?,
                since: row.try_get(1)?,
                published_seq: row.try_get(2)?,
                last_seq: row.try_get(3)?,
                published_at: row.try_get(4)?,
                last_error: row.try_get(5)?,
            })
        })
        .collect()
}

/// A court whose queue lacks events, and the last one it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// The court.
    pub court: CourtName,
    /// Everything up to here is published.
    pub published_seq: i64,
}

/// At most `limit` courts whose queue lacks events, without those in `except`. Takes no lock.
///
/// # Errors
/// When the statement fails or a stored name is none.
pub async fn behind(client: &Client, except: &[&str], limit: i64) -> Result<Vec<Behind>, StoreError> {
    let rows = client.query(include_str!("queries/feedback_queue/behind.sql"), &[&except, &limit]).await?;
    rows.iter()
        .map(|row| Ok(Behind { court: court(row.try_get(0)?)?, published_seq: row.try_get(1)? }))
        .collect()
}

/// Records how far each court's queue has come, from where to where. A row that was set to another place meanwhile, or
/// taken away, stays as it is. Locks the rows for the statement only.
///
/// # Errors
/// When the statement fails.
pub async fn advance(client: &Client, reached: &[(&Behind, i64)]) -> Result<(), StoreError> {
    let courts: Vec<_> = reached.iter().map(|(from, _)| from.court.as_str()).collect();
    let begun: Vec<_> = reached.iter().map(|(from, _)| from.published_seq).collect();
    let reached: Vec<_> = reached.iter().map(|(_, seq)| *seq).collect();
    let sql = include_str!("queries/feedback_queue/advance.sql");
    client.execute(sql, &[&courts, &begun, &reached]).await?;
    Ok(())
}

/// Records why the broker did not take the next event of each court. Locks the rows for the statement only.
///
/// # Errors
/// When the statement fails.
pub async fn fail(client: &Client, refused: &[(CourtName, String)]) -> Result<(), StoreError> {
    let courts: Vec<_> = refused.iter().map(|(court, _)| court.as_str()).collect();
    let reasons: Vec<_> = refused.iter().map(|(_, why)| why.as_str()).collect();
    client.execute(include_str!("queries/feedback_queue/fail.sql"), &[&courts, &reasons]).await?;
    Ok(())
}

fn court(name: &str) -> Result<CourtName, StoreError> {
    name.parse().map_err(|e| decode("feedback_queue.sender", e))
}
