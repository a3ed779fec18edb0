//! What the forms of a request are written from. Nothing here takes a lock.

use jiff::{Timestamp, civil::Date};
use tokio_postgres::{Client, types::Json};
use uuid::Uuid;
use xiezhi_schemas::message::{Demand, DemandMessage, OutcomeMessage, Registration};

use super::{StoreError, decode};

/// A request as its forms need it.
#[derive(Debug, Clone)]
pub struct FormSource {
    /// What was sent to the registry.
    pub demand: Demand,
    /// Name of the registry.
    pub registry_name: String,
    /// When the hub accepted it.
    pub accepted_at: Timestamp,
    /// What was registered, once a result took effect.
    pub registration: Option<Registration>,
}

/// The source of a request's forms; tables `request`, `registry`, `outcome`.
///
/// # Errors
/// When the statement fails, or what is stored cannot be read.
pub async fn source(client: &Client, request_id: Uuid) -> Result<Option<FormSource>, StoreError> {
    let row = client.query_opt(include_str!("queries/request/form.sql"), &[&request_id]).await?;
    let Some(row) = row else { return Ok(None) };
    let body: Vec<u8> = row.try_get("body")?;
    let message: DemandMessage = serde_json::from_slice(&body).map_err(|e| decode("request.body", e))?;
    let outcome: Option<Json<OutcomeMessage>> = row.try_get("outcome")?;
    let registration = outcome.and_then(|Json(message)| match message {
        OutcomeMessage::ResultV1(result) => Some(result.registration),
        OutcomeMessage::ReturnV1(_) | OutcomeMessage::DeclinedV1(_) | OutcomeMessage::ConversionV1(_) => None,
    });
    Ok(Some(FormSource {
        demand: message.into_demand(),
        registry_name: row.try_get("registry_name")?,
        accepted_at: row.try_get("accepted_at")?,
        registration,
    }))
}

/// The day in China on which the seizure of this case was registered on this unit, as far as the hub knows.
///
/// # Errors
/// When the statement fails.
pub async fn registered_on(
    client: &Client,
    unit: &str,
    registry: &str,
    case_number: &str,
) -> Result<Option<Date>, StoreError> {
    let statement = include_str!("queries/outcome/registered_on.sql");
    let row = client.query_opt(statement, &[&unit, &registry, &case_number]).await?;
    Ok(row.map(|row| row.try_get("day")).transpose()?)
}
