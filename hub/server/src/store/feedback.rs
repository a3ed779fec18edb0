//! Tables `feedback_head` and `feedback`: the numbered stream in which each court learns what happened.

use tokio_postgres::{Client, Row, types::Json};
use uuid::Uuid;
use xiezhi_schemas::message::{Feedback, FeedbackBody};

use super::{StoreError, Transaction, decode};

/// The channel on which [`append`] names the sender whose stream grew.
pub const CHANNEL: &str = "xiezhi_feedback";

/// One event that is about to get its place in its sender's stream.
#[derive(Debug, Clone)]
pub struct NewFeedback {
    /// The request it is about; names the stream.
    pub request_id: Uuid,
    /// What happened.
    pub body: FeedbackBody,
}

/// Appends `events` to the streams of their senders, in their order, and wakes the readers at commit.
///
/// One statement for any number of events. Takes the rows of `feedback_head` in order of sender and keeps them until the
/// transaction ends, so this comes last in a transaction: all courts' news of one sender queue here.
///
/// # Errors
/// When the statement fails; an unknown request id is a failed statement (SQLSTATE 23502), nothing is skipped.
pub async fn append(tx: &Transaction<'_>, events: &[NewFeedback]) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = events.iter().map(|event| event.request_id).collect();
    let bodies: Vec<Json<&FeedbackBody>> = events.iter().map(|event| Json(&event.body)).collect();
    let statement = tx.prepare_cached(include_str!("queries/feedback/append.sql")).await?;
    tx.query(&statement, &[&ids, &bodies]).await?;
    Ok(())
}

/// Events of one sender's stream after `after`, oldest first, at most `limit`. Takes no lock.
///
/// # Errors
/// When the statement fails or a stored event is not readable by this build.
pub async fn page(
    client: &Client,
    sender: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<Feedback>, StoreError> {
    let rows = client.query(include_str!("queries/feedback/page.sql"), &[&sender, &after, &limit]).await?;
    rows.iter().map(event).collect()
}

/// What the courts were told about some requests, in order of `seq`. Takes no lock.
///
/// # Errors
/// As [`page`].
pub async fn of_requests(client: &Client, requests: &[Uuid]) -> Result<Vec<Feedback>, StoreError> {
    let rows = client.query(include_str!("queries/feedback/of_requests.sql"), &[&requests]).await?;
    rows.iter().map(event).collect()
}

fn event(row: &Row) -> Result<Feedback, StoreError> {
    let unit_index: i16 = row.try_get("unit_index")?;
    let registry: String = row.try_get("registry")?;
    let Json(body) = row.try_get("body")?;
    Ok(Feedback {
        seq: row.try_get("seq")?,
        at: row.try_get("at")?,
        request_id: row.try_get("request_id")?,
        demand_id: row.try_get("demand_id")?,
        unit_index: u16::try_from(unit_index).map_err(|e| decode("feedback.unit_index", e))?,
        registry: registry.parse().map_err(|e| decode("feedback.registry", e))?,
        body,
    })
}
