//! Table `webhook`: where a court wants its feedback, and how far it has come.

use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::Client;

use super::StoreError;

/// A court's webhook as the court may see it.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Where events go.
    pub url: String,
    /// Last event that was taken.
    pub delivered_seq: i64,
    /// Failed attempts since the last success.
    pub failures: i32,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// When events were last taken.
    pub last_success_at: Option<Timestamp>,
    /// When the hub tries next, if there is something to send.
    pub next_attempt_at: Timestamp,
}

/// Sets the address; keeps the place in the stream, forgets failures. Locks the row for the statement only.
///
/// # Errors
/// When the statement fails.
pub async fn put(client: &Client, sender: &str, url: &str) -> Result<(), StoreError> {
    client.execute(include_str!("queries/webhook/put.sql"), &[&sender, &url]).await?;
    Ok(())
}

/// A court's webhook. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn find(client: &Client, sender: &str) -> Result<Option<Webhook>, StoreError> {
    let row = client.query_opt(include_str!("queries/webhook/find.sql"), &[&sender]).await?;
    row.map(|row| {
        Ok(Webhook {
            url: row.try_get("url")?,
            delivered_seq: row.try_get("delivered_seq")?,
            failures: row.try_get("failures")?,
            last_error: row.try_get("last_error")?,
            last_success_at: row.try_get("last_success_at")?,
            next_attempt_at: row.try_get("next_attempt_at")?,
        })
    })
    .transpose()
}

/// Removes a webhook with its place in the stream; says whether there was one.
///
/// # Errors
/// When the statement fails.
pub async fn delete(client: &Client, sender: &str) -> Result<bool, StoreError> {
    Ok(client.execute(include_str!("queries/webhook/delete.sql"), &[&sender]).await? == 1)
}

/// A webhook that one hub may serve until its lease ends.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Whose it is.
    pub sender: String,
    /// Where to.
    pub url: String,
    /// Last event that was taken.
    pub delivered_seq: i64,
    /// Failed attempts since the last success.
    pub failures: i32,
}

/// Claims webhooks that have something to send and are due, for as long as `lease`. Two hubs never claim the same one:
/// rows are locked for the statement, and the lease is the next attempt's time, so a dead hub's claim ends by itself.
///
/// # Errors
/// When the statement fails.
pub async fn claim(client: &Client, lease: Duration, most: i64) -> Result<Vec<Claimed>, StoreError> {
    let rows =
        client.query(include_str!("queries/webhook/claim.sql"), &[&lease.as_secs_f64(), &most]).await?;
    rows.iter()
        .map(|row| {
            Ok(Claimed {
                sender: row.try_get("sender")?,
                url: row.try_get("url")?,
                delivered_seq: row.try_get("delivered_seq")?,
                failures: row.try_get("failures")?,
            })
        })
        .collect()
}

/// Records that events up to `taken` were taken; does nothing if another hub was faster.
///
/// # Errors
/// When the statement fails.
pub async fn succeed(client: &Client, claimed: &Claimed, taken: i64) -> Result<(), StoreError> {
    client
        .execute(
            include_str!("queries/webhook/succeed.sql"),
            &[&claimed.sender, &claimed.delivered_seq, &taken],
        )
        .await?;
    Ok(())
}

/// Records a failed attempt and when to try again.
///
/// # Errors
/// When the statement fails.
pub async fn fail(
    client: &Client,
    claimed: &Claimed,
    error: &str,
    again_in: Duration,
) -> Result<(), StoreError> {
    client
        .execute(
            include_str!("queries/webhook/fail.sql"),
            &[&claimed.sender, &claimed.delivered_seq, &error, &again_in.as_secs_f64()],
        )
        .await?;
    Ok(())
}
