//! Table `request` and what belongs to it, as courts and operators read it. Nothing here takes a lock, and the parts of one
//! answer may be a moment apart.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::StoreError;

/// One line of `request`, without the message.
#[derive(Debug, Clone)]
pub struct Request {
    /// Id.
    pub request_id: Uuid,
    /// Who sent it.
    pub sender: String,
    /// The sender's own number of the demand.
    pub demand_id: String,
    /// Which unit, from 1.
    pub unit_index: i16,
    /// `seizure`, `renewal`, `lifting` or `waiting`.
    pub kind: String,
    /// Code of the executing court.
    pub court_code: String,
    /// Case number of the enforcement.
    pub case_number: String,
    /// Number of the ruling.
    pub judgment_number: String,
    /// Case number of the original seizure.
    pub original_case_number: Option<String>,
    /// Code of the property unit.
    pub unit_key: String,
    /// Province.
    pub province: String,
    /// Registry.
    pub registry: String,
    /// Place in the lane.
    pub lane_seq: i64,
    /// Id of the message.
    pub message_id: Uuid,
    /// SHA-256 of the message.
    pub body_sha256: String,
    /// The request it corrects.
    pub prior_request_id: Option<Uuid>,
    /// Trace context of the acceptance.
    pub traceparent: Option<String>,
    /// Time of acceptance.
    pub accepted_at: Timestamp,
    /// State.
    pub state: String,
    /// Number of the present attempt.
    pub attempt: i32,
}

fn request(row: &Row) -> Result<Request, StoreError> {
    Ok(Request {
        request_id: row.try_get("request_id")?,
        sender: row.try_get("sender")?,
        demand_id: row.try_get("demand_id")?,
        unit_index: row.try_get("unit_index")?,
        kind: row.try_get("kind")?,
        court_code: row.try_get("court_code")?,
        case_number: row.try_get("case_number")?,
        judgment_number: row.try_get("judgment_number")?,
        original_case_number: row.try_get("original_case_number")?,
        unit_key: row.try_get("unit_key")?,
        province: row.try_get("province")?,
        registry: row.try_get("registry")?,
        lane_seq: row.try_get("lane_seq")?,
        message_id: row.try_get("message_id")?,
        body_sha256: row.try_get("body_sha256")?,
        prior_request_id: row.try_get("prior_request_id")?,
        traceparent: row.try_get("traceparent")?,
        accepted_at: row.try_get("accepted_at")?,
        state: row.try_get("state")?,
        attempt: row.try_get("attempt")?,
    })
}

/// A request, if it is `sender`'s; anyone's for `None`.
///
/// # Errors
/// When the statement fails.
pub async fn find(
    client: &Client,
    request_id: Uuid,
    sender: Option<&str>,
) -> Result<Option<Request>, StoreError> {
    let row = client.query_opt(include_str!("queries/request/show.sql"), &[&request_id, &sender]).await?;
    row.as_ref().map(request).transpose()
}

/// The requests of the demands with this id, by sender and unit; one demand has at most 300.
///
/// # Errors
/// When the statement fails.
pub async fn of_demand(
    client: &Client,
    demand_id: &str,
    sender: Option<&str>,
) -> Result<Vec<Request>, StoreError> {
    let rows = client.query(include_str!("queries/request/of_demand.sql"), &[&demand_id, &sender]).await?;
    rows.iter().map(request).collect()
}

/// Which requests are wanted; `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// Sender.
    pub sender: Option<&'a str>,
    /// Case number of the enforcement.
    pub case_number: Option<&'a str>,
    /// Code of the property unit.
    pub unit: Option<&'a str>,
    /// State.
    pub state: Option<&'a str>,
    /// Province.
    pub province: Option<&'a str>,
    /// Registry.
    pub registry: Option<&'a str>,
    /// Accepted at or after.
    pub accepted_from: Option<Timestamp>,
    /// Accepted before.
    pub accepted_to: Option<Timestamp>,
    /// After this one, in order of acceptance.
    pub after: Option<(Timestamp, Uuid)>,
}

/// At most `limit` requests in order of acceptance. Not prepared for reuse: the plan depends on which filters are set.
///
/// # Errors
/// When the statement fails.
pub async fn page(client: &Client, filter: &Filter<'_>, limit: i64) -> Result<Vec<Request>, StoreError> {
    let (at, id) = filter.after.unzip();
    let rows = client
        .query(
            include_str!("queries/request/page.sql"),
            &[
                &filter.sender,
                &filter.case_number,
                &filter.unit,
                &filter.state,
                &filter.province,
                &filter.registry,
                &filter.accepted_from,
                &filter.accepted_to,
                &at,
                &id,
                &limit,
            ],
        )
        .await?;
    rows.iter().map(request).collect()
}

/// For each of these requests the requests that correct it, oldest first. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn corrected_by(
    client: &Client,
    requests: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Uuid>>, StoreError> {
    let mut found: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    for row in client.query(include_str!("queries/request/corrected_by.sql"), &[&requests]).await? {
        found.entry(row.try_get(0)?).or_default().push(row.try_get(1)?);
    }
    Ok(found)
}

/// One line of the state log.
#[derive(Debug, Clone)]
pub struct StateLine {
    /// Whose.
    pub request_id: Uuid,
    /// Place in the log, from 1.
    pub n: i32,
    /// State.
    pub state: String,
    /// When.
    pub at: Timestamp,
    /// Who or what caused it.
    pub actor: String,
    /// Why.
    pub cause: String,
}

/// One attempt to send.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Whose.
    pub request_id: Uuid,
    /// `first`, `replay` or `resend`.
    pub kind: String,
    /// Number of the attempt.
    pub attempt: i32,
    /// When it was put into the outbox.
    pub created_at: Timestamp,
    /// When the broker confirmed it: court, ministry and province passed it on.
    pub confirmed_at: Option<Timestamp>,
}

/// A line of the ledger.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// Whose.
    pub request_id: Uuid,
    /// Registry.
    pub registry: String,
    /// Number at the registry.
    pub no: i64,
    /// The instant of delivery.
    pub delivered_at: Timestamp,
    /// When the line was written.
    pub recorded_at: Timestamp,
    /// Hash of the line.
    pub hash: String,
    /// The attempt that was delivered.
    pub attempt: i32,
    /// When the push to the local system began; network only.
    pub push_started_at: Option<Timestamp>,
    /// When the local system answered; network only.
    pub push_answered_at: Option<Timestamp>,
    /// The record that proves the instant of another channel.
    pub evidence_id: Option<Uuid>,
    /// `net`, `p2p` or `window`.
    pub channel: String,
}

/// What a registry decided.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Whose.
    pub request_id: Uuid,
    /// Which one of the request's.
    pub n: i32,
    /// `registered`, `returned` or `withdrawn`.
    pub outcome: String,
    /// The message.
    pub body: Value,
    /// When it came.
    pub received_at: Timestamp,
    /// Time of entry in the register.
    pub registered_at: Option<Timestamp>,
    /// When feedback is due.
    pub due_at: Option<Timestamp>,
    /// `effective`, `early` or `disputed`.
    pub disposition: String,
}

/// An attempt that was not delivered.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// Whose.
    pub request_id: Uuid,
    /// The attempt.
    pub attempt: i32,
    /// Where the road ended.
    pub tier: String,
    /// Why.
    pub cause: String,
    /// Code of the cause.
    pub code: String,
    /// When.
    pub first_at: Timestamp,
    /// `open`, `replayed` or `closed`.
    pub status: String,
    /// When somebody decided.
    pub decided_at: Option<Timestamp>,
    /// What for.
    pub reason: Option<String>,
}

/// Everything that happened to some requests.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// State logs.
    pub states: Vec<StateLine>,
    /// Attempts to send.
    pub attempts: Vec<Attempt>,
    /// Receipts.
    pub receipts: Vec<Receipt>,
    /// Decisions of registries.
    pub outcomes: Vec<Outcome>,
    /// Failures and what was decided about them.
    pub dead_letters: Vec<DeadLetter>,
}

/// The history of these requests, each part in its order; five statements in one round trip.
///
/// # Errors
/// When a statement fails.
pub async fn history(client: &Client, requests: &[Uuid]) -> Result<History, StoreError> {
    let (states, attempts, receipts, outcomes, dead_letters) = tokio::try_join!(
        rows(client, include_str!("queries/request_state/of_request.sql"), requests, state),
        rows(client, include_str!("queries/outbox/of_request.sql"), requests, attempt),
        rows(client, include_str!("queries/receipt/of_request.sql"), requests, receipt),
        rows(client, include_str!("queries/outcome/of_request.sql"), requests, outcome),
        rows(client, include_str!("queries/dead_letter/of_request.sql"), requests, dead_letter),
    )?;
    Ok(History { states, attempts, receipts, outcomes, dead_letters })
}

async fn rows<T>(
    client: &Client,
    statement: &str,
    requests: &[Uuid],
    read: fn(&Row) -> Result<T, tokio_postgres::Error>,
) -> Result<Vec<T>, StoreError> {
    let rows = client.query(statement, &[&requests]).await?;
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

fn state(row: &Row) -> Result<StateLine, tokio_postgres::Error> {
    Ok(StateLine {
        request_id: row.try_get("request_id")?,
        n: row.try_get("n")?,
        state: row.try_get("state")?,
        at: row.try_get("at")?,
        actor: row.try_get("actor")?,
        cause: row.try_get("cause")?,
    })
}

fn attempt(row: &Row) -> Result<Attempt, tokio_postgres::Error> {
    Ok(Attempt {
        request_id: row.try_get("request_id")?,
        kind: row.try_get("kind")?,
        attempt: row.try_get("attempt")?,
        created_at: row.try_get("created_at")?,
        confirmed_at: row.try_get("confirmed_at")?,
    })
}

fn receipt(row: &Row) -> Result<Receipt, tokio_postgres::Error> {
    Ok(Receipt {
        request_id: row.try_get("request_id")?,
        registry: row.try_get("registry")?,
        no: row.try_get("no")?,
        delivered_at: row.try_get("delivered_at")?,
        recorded_at: row.try_get("recorded_at")?,
        hash: row.try_get("hash")?,
        attempt: row.try_get("attempt")?,
        push_started_at: row.try_get("push_started_at")?,
        push_answered_at: row.try_get("push_answered_at")?,
        channel: row.try_get("channel")?,
        evidence_id: row.try_get("evidence_id")?,
    })
}

fn outcome(row: &Row) -> Result<Outcome, tokio_postgres::Error> {
    Ok(Outcome {
        request_id: row.try_get("request_id")?,
        n: row.try_get("n")?,
        outcome: row.try_get("outcome")?,
        body: row.try_get("body")?,
        received_at: row.try_get("received_at")?,
        registered_at: row.try_get("registered_at")?,
        due_at: row.try_get("due_at")?,
        disposition: row.try_get("disposition")?,
    })
}

fn dead_letter(row: &Row) -> Result<DeadLetter, tokio_postgres::Error> {
    Ok(DeadLetter {
        request_id: row.try_get("request_id")?,
        attempt: row.try_get("attempt")?,
        tier: row.try_get("tier")?,
        cause: row.try_get("cause")?,
        code: row.try_get("code")?,
        first_at: row.try_get("first_at")?,
        status: row.try_get("status")?,
        decided_at: row.try_get("decided_at")?,
        reason: row.try_get("reason")?,
    })
}

/// The courts of the newest demands, at most `newest` of them looked at. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn newest_courts(client: &Client, newest: i64) -> Result<Vec<String>, StoreError> {
    let rows = client.query(include_str!("queries/request/newest_courts.sql"), &[&newest]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
