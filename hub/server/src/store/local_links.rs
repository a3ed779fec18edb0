//! Table `local_link_decision`: from which day courts serve in a province by the network, and its local links (点对点) are closed.

use jiff::{Timestamp, civil::Date};
use serde::Serialize;
use tokio_postgres::Client;
use xiezhi_schemas::address::ProvinceCode;

use super::{StoreError, Transaction, decode};

/// How the local links of a province stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Links {
    /// The province.
    pub province: ProvinceCode,
    /// Its name.
    pub name: String,
    /// First day in China on which they are closed; none while they are open.
    pub closed_from: Option<Date>,
    /// The newest decision about them; none when there never was one.
    #[serde(flatten)]
    pub decision: Option<Decision>,
}

/// Who decided so, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Who.
    pub decided_by: String,
    /// When.
    pub decided_at: Timestamp,
    /// In words.
    pub reason: String,
}

/// Every province with its newest decision. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn list(client: &Client) -> Result<Vec<Links>, StoreError> {
    let rows = client.query(include_str!("queries/local_link_decision/list.sql"), &[]).await?;
    rows.iter()
        .map(|row| {
            let province: String = row.try_get("code")?;
            let decided_by: Option<String> = row.try_get("decided_by")?;
            let decision = match decided_by {
                Some(decided_by) => Some(Decision {
                    decided_by,
                    decided_at: row.try_get("decided_at")?,
                    reason: row.try_get("reason")?,
                }),
                None => None,
            };
            Ok(Links {
                province: province.parse().map_err(|e| decode("province.code", e))?,
                name: row.try_get("name")?,
                closed_from: row.try_get("closed_from")?,
                decision,
            })
        })
        .collect()
}

/// First day on which the links of a province are closed; none while they are open. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn closed_from(tx: &Transaction<'_>, province: &ProvinceCode) -> Result<Option<Date>, StoreError> {
    let statement = include_str!("queries/local_link_decision/newest.sql");
    match tx.query_opt(statement, &[&province.as_str()]).await? {
        Some(row) => Ok(row.try_get(0)?),
        None => Ok(None),
    }
}

/// Writes a decision; the newest one counts.
///
/// # Errors
/// When the statement fails, also for a province that is not in the directory.
pub async fn insert(
    tx: &Transaction<'_>,
    province: &ProvinceCode,
    closed_from: Option<Date>,
    decided_by: &str,
    reason: &str,
) -> Result<(), StoreError> {
    let statement = include_str!("queries/local_link_decision/insert.sql");
    tx.execute(statement, &[&province.as_str(), &closed_from, &decided_by, &reason]).await?;
    Ok(())
}
