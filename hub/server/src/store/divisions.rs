//! Tables `province`, `registry` and `registry_division`, as intake asks them: who receives demands for this division?

use std::collections::HashMap;

use deadpool_postgres::Client;
use jiff::civil::Date;
use xiezhi_schemas::address::RegistryCode;

use super::{StoreError, decode};

/// Whether the directory has this province, whatever its dates. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn has_province(client: &Client, code: &str) -> Result<bool, StoreError> {
    Ok(client.query_one(include_str!("queries/province/exists.sql"), &[&code]).await?.try_get(0)?)
}

/// Where demands for a division go on a given day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// The province does not take part (R2, R3).
    ProvinceTakesNoPart,
    /// The province takes part, but no registry serves the division.
    NoRegistry,
    /// This registry receives them.
    Registry(RegistryCode),
}

/// The destination of each division on `day`. Takes no lock: the directory may change before the caller commits, which is
/// as if the demand had come a moment earlier.
///
/// # Errors
/// When the statement fails.
pub async fn destinations(
    client: &Client,
    divisions: &[&str],
    day: Date,
) -> Result<HashMap<String, Destination>, StoreError> {
    let statement = client.prepare_cached(include_str!("queries/registry_division/find.sql")).await?;
    let rows = client.query(&statement, &[&divisions, &day]).await?;
    rows.iter()
        .map(|row| {
            let registry: Option<String> = row.try_get("registry")?;
            let destination = match (row.try_get("province_takes_part")?, registry) {
                (false, _) => Destination::ProvinceTakesNoPart,
                (true, None) => Destination::NoRegistry,
                (true, Some(code)) => {
                    Destination::Registry(code.parse().map_err(|e| decode("registry.code", e))?)
                }
            };
            Ok((row.try_get("division")?, destination))
        })
        .collect()
}
