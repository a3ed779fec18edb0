//! Table `outbox`: the row is the send.

use tokio_postgres::Client;
use uuid::Uuid;
use xiezhi_schemas::address::RegistryCode;

use super::{StoreError, Transaction, decode};

/// The channel that wakes the relay.
pub const CHANNEL: &str = "xiezhi_outbox";

/// A row that is due to be published.
#[derive(Debug)]
pub struct Due {
    /// Row.
    pub outbox_id: i64,
    /// Lane.
    pub lane: String,
    /// Message id.
    pub message_id: Uuid,
    /// Attempt.
    pub attempt: i32,
    /// Request.
    pub request_id: Uuid,
    /// Sender.
    pub sender: String,
    /// Recipient.
    pub registry: RegistryCode,
    /// Address.
    pub routing_key: String,
    /// The bytes accepted.
    pub body: Vec<u8>,
    /// Trace of the acceptance.
    pub traceparent: Option<String>,
}

/// The oldest unconfirmed rows, at most one for each lane, without those in `held_back`. No cursor: a row with a lower
/// id that commits late is simply found next time. Takes no lock; the relay's session lock makes it the only reader.
///
/// # Errors
/// When the statement fails.
pub async fn claim(client: &Client, held_back: &[i64], limit: i64) -> Result<Vec<Due>, StoreError> {
    let rows = client.query(include_str!("queries/outbox/claim.sql"), &[&held_back, &limit]).await?;
    rows.iter()
        .map(|row| {
            let registry: String = row.try_get("registry")?;
            Ok(Due {
                outbox_id: row.try_get("outbox_id")?,
                lane: row.try_get("lane")?,
                message_id: row.try_get("message_id")?,
                attempt: row.try_get("attempt")?,
                request_id: row.try_get("request_id")?,
                sender: row.try_get("sender")?,
                registry: registry.parse().map_err(|e| decode("request.registry", e))?,
                routing_key: row.try_get("routing_key")?,
                body: row.try_get("body")?,
                traceparent: row.try_get("traceparent")?,
            })
        })
        .collect()
}

/// Marks rows as confirmed by the broker.
///
/// # Errors
/// When the statement fails; then they are sent again, and the receiver recognises them by message id.
pub async fn confirm(client: &Client, rows: &[i64]) -> Result<(), StoreError> {
    client.execute(include_str!("queries/outbox/confirm.sql"), &[&rows]).await?;
    Ok(())
}

/// Notes why rows could not be sent; they stay due.
///
/// # Errors
/// When the statement fails.
pub async fn fail(client: &Client, rows: &[i64], errors: &[String]) -> Result<(), StoreError> {
    client.execute(include_str!("queries/outbox/fail.sql"), &[&rows, &errors]).await?;
    Ok(())
}

/// Adds a row of `kind` (`replay` or `resend`) for each request, in lane order, and wakes the relay at commit.
///
/// # Errors
/// When a statement fails.
pub async fn send_again(tx: &Transaction<'_>, kind: &str, requests: &[Uuid]) -> Result<(), StoreError> {
    tx.execute(include_str!("queries/outbox/insert.sql"), &[&requests, &kind]).await?;
    tx.execute("SELECT pg_notify($1, '')", &[&CHANNEL]).await?;
    Ok(())
}

/// Sends everything again that is in flight and that the broker once confirmed: for a broker that lost its data. What it
/// did not lose arrives twice and is recognised. Gives the number of requests; locks them to the end of the transaction.
///
/// # Errors
/// When a statement fails.
pub async fn resend_in_flight(tx: &Transaction<'_>, province: Option<&str>) -> Result<usize, StoreError> {
    let rows = tx.query(include_str!("queries/outbox/resend_in_flight.sql"), &[&province]).await?;
    let requests: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect();
    if !requests.is_empty() {
        send_again(tx, "resend", &requests).await?;
    }
    Ok(requests.len())
}

/// Unconfirmed rows and the age of the oldest in seconds.
///
/// # Errors
/// When the statement fails.
pub async fn backlog(client: &Client) -> Result<(i64, f64), StoreError> {
    let row = client
        .query_one(
            "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 \
             FROM outbox WHERE confirmed_at IS NULL",
            &[],
        )
        .await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}
