//! Requests of the other channels as they stand in the ledger. Nothing here takes a lock.

use deadpool_postgres::Client;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;
use xiezhi_schemas::address::RegistryCode;

use super::StoreError;

/// A request with its receipt and what it passed.
#[derive(Debug, Clone)]
pub struct Received {
    /// Id.
    pub request_id: Uuid,
    /// Which unit, from 1.
    pub unit_index: i16,
    /// Code of the unit.
    pub unit_key: String,
    /// State.
    pub state: String,
    /// Number at the registry.
    pub no: i64,
    /// 送达.
    pub delivered_at: Timestamp,
    /// When the line was written.
    pub recorded_at: Timestamp,
    /// Hash of the line, hexadecimal.
    pub hash: String,
    /// From its `order_changed` event.
    pub moved: Vec<Value>,
}

/// The received requests of one demand by unit.
///
/// # Errors
/// When the statement fails.
pub async fn of_demand(client: &Client, sender: &str, demand_id: &str) -> Result<Vec<Received>, StoreError> {
    let statement = include_str!("queries/request/received_of_demand.sql");
    let rows = client.query(statement, &[&sender, &demand_id]).await?;
    rows.iter()
        .map(|row| {
            let moved: Option<Value> = row.try_get("moved")?;
            Ok(Received {
                request_id: row.try_get("request_id")?,
                unit_index: row.try_get("unit_index")?,
                unit_key: row.try_get("unit_key")?,
                state: row.try_get("state")?,
                no: row.try_get("no")?,
                delivered_at: row.try_get("delivered_at")?,
                recorded_at: row.try_get("recorded_at")?,
                hash: row.try_get("hash")?,
                moved: moved.and_then(|moved| moved.as_array().cloned()).unwrap_or_default(),
            })
        })
        .collect()
}

/// The channel of a request, if it is the registry's.
///
/// # Errors
/// When the statement fails.
pub async fn channel_of(
    client: &Client,
    request_id: Uuid,
    registry: &RegistryCode,
) -> Result<Option<String>, StoreError> {
    let statement = include_str!("queries/request/channel.sql");
    let row = client.query_opt(statement, &[&request_id, &registry.as_str()]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}
