//! Table `outage`: announced outages, and how the receipts of their windows merged into the order.

use deadpool_postgres::Client;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use uuid::Uuid;
use xiezhi_schemas::address::{ProvinceCode, RegistryCode};

use super::{StoreError, Transaction, decode};

/// An announced outage (应急联动).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outage {
    /// Its id; ids grow with time.
    pub outage_id: Uuid,
    /// The province.
    pub province: ProvinceCode,
    /// One registry of it; absent for the whole province.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<RegistryCode>,
    /// Since when; may lie before the announcement.
    pub began_at: Timestamp,
    /// Why.
    pub reason: String,
    /// Who announced it.
    pub announced_by: String,
    /// When.
    pub announced_at: Timestamp,
    /// Until when; absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Who ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<String>,
}

fn outage(row: &Row) -> Result<Outage, StoreError> {
    let province: String = row.try_get("province")?;
    let registry: Option<String> = row.try_get("registry")?;
    Ok(Outage {
        outage_id: row.try_get("outage_id")?,
        province: province.parse().map_err(|e| decode("outage.province", e))?,
        registry: registry.map(|code| code.parse()).transpose().map_err(|e| decode("outage.registry", e))?,
        began_at: row.try_get("began_at")?,
        reason: row.try_get("reason")?,
        announced_by: row.try_get("announced_by")?,
        announced_at: row.try_get("announced_at")?,
        ended_at: row.try_get("ended_at")?,
        ended_by: row.try_get("ended_by")?,
        end_reason: row.try_get("end_reason")?,
    })
}

/// Whether province and, if named, registry are in the directory.
///
/// # Errors
/// When the statement fails.
pub async fn place_exists(
    tx: &Transaction<'_>,
    province: &ProvinceCode,
    registry: Option<&RegistryCode>,
) -> Result<bool, StoreError> {
    let known = include_str!("queries/province/exists.sql");
    if !tx.query_one(known, &[&province.as_str()]).await?.try_get::<_, bool>(0)? {
        return Ok(false);
    }
    let Some(registry) = registry else { return Ok(true) };
    let known = include_str!("queries/registry/exists.sql");
    Ok(tx.query_one(known, &[&registry.as_str()]).await?.try_get(0)?)
}

/// Announces an outage that has not ended.
///
/// # Errors
/// When the statement fails.
pub async fn announce(tx: &Transaction<'_>, new: &Outage) -> Result<(), StoreError> {
    tx.execute(
        include_str!("queries/outage/insert.sql"),
        &[
            &new.outage_id,
            &new.province.as_str(),
            &new.registry.as_ref().map(RegistryCode::as_str),
            &new.began_at,
            &new.reason,
            &new.announced_by,
            &new.announced_at,
        ],
    )
    .await?;
    Ok(())
}

/// Ends an outage; `false` if it had ended before, began later, or is unknown. Locks its row.
///
/// # Errors
/// When the statement fails.
pub async fn end(
    tx: &Transaction<'_>,
    outage_id: Uuid,
    at: Timestamp,
    by: &str,
    reason: Option<&str>,
) -> Result<bool, StoreError> {
    let ended = tx.execute(include_str!("queries/outage/end.sql"), &[&outage_id, &at, &by, &reason]).await?;
    Ok(ended == 1)
}

/// Which outages are wanted; `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// One.
    pub outage_id: Option<Uuid>,
    /// Of a province and its registries.
    pub province: Option<ProvinceCode>,
    /// That concern a registry: its own and its province's.
    pub registry: Option<RegistryCode>,
    /// Whether it lasts.
    pub open: Option<bool>,
}

/// Outages after id `after`, in the order of announcement, at most `limit`. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn list(
    client: &Client,
    filter: &Filter,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Outage>, StoreError> {
    let province = filter.province.as_ref().map(ProvinceCode::as_str);
    let registry = filter.registry.as_ref().map(RegistryCode::as_str);
    let rows = client
        .query(
            include_str!("queries/outage/list.sql"),
            &[&filter.outage_id, &province, &registry, &filter.open, &after, &limit],
        )
        .await?;
    rows.iter().map(outage).collect()
}

/// The outage that was announced for this registry at that instant, the longest-standing if several. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn covering(
    tx: &Transaction<'_>,
    registry: &RegistryCode,
    at: Timestamp,
) -> Result<Option<Uuid>, StoreError> {
    let row = tx.query_opt(include_str!("queries/outage/covering.sql"), &[&registry.as_str(), &at]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// A receipt of a unit that was served at a window during the outage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Merged {
    /// Registry.
    pub registry: String,
    /// Code of the unit.
    pub unit_code: String,
    /// The request.
    pub request_id: Uuid,
    /// `net`, `p2p` or `window`.
    pub channel: String,
    /// Number at the registry.
    pub no: i64,
    /// 送达.
    pub delivered_at: Timestamp,
    /// When the line was written.
    pub recorded_at: Timestamp,
    /// State now.
    pub state: String,
    /// Whether it was entered under this outage.
    pub cites_outage: bool,
}

/// The place after which a page begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    /// Registry.
    pub registry: String,
    /// Code of the unit.
    pub unit_code: String,
    /// 送达.
    pub delivered_at: Timestamp,
    /// Number at the registry.
    pub no: i64,
}

/// All receipts of those units in the order of the law, after the given place, at most `limit`. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn merged(
    client: &Client,
    outage_id: Uuid,
    after: Option<&After>,
    limit: i64,
) -> Result<Vec<Merged>, StoreError> {
    let (registry, unit) = after.map_or(("", ""), |a| (a.registry.as_str(), a.unit_code.as_str()));
    let (at, no) = after.map_or((Timestamp::UNIX_EPOCH, 0), |a| (a.delivered_at, a.no));
    let rows = client
        .query(include_str!("queries/outage/merged.sql"), &[&outage_id, &registry, &unit, &at, &no, &limit])
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Merged {
                registry: row.try_get("registry")?,
                unit_code: row.try_get("unit_key")?,
                request_id: row.try_get("request_id")?,
                channel: row.try_get("channel")?,
                no: row.try_get("no")?,
                delivered_at: row.try_get("delivered_at")?,
                recorded_at: row.try_get("recorded_at")?,
                state: row.try_get("state")?,
                cites_outage: row.try_get("cites_outage")?,
            })
        })
        .collect()
}
