//! Table `event`: what no request caused. Events of requests are written with their changes, see [`super::requests`].

use tokio_postgres::Client;

use super::StoreError;

/// Says that the loaded working days end on `last`; whether that was new.
///
/// # Errors
/// When the statement fails.
pub async fn calendar_ends(client: &Client, last: &str) -> Result<bool, StoreError> {
    let statement = include_str!("queries/event/calendar_ends.sql");
    Ok(client.execute(statement, &[&last]).await? > 0)
}
