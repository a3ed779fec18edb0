//! Tables `demand`, `lane`, `request` and what is written with them when a demand is accepted.

use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::{Client, types::Json};
use uuid::Uuid;

use super::{StoreError, Transaction};

/// A demand that was accepted before.
#[derive(Debug, Clone)]
pub struct Known {
    /// SHA-256 of the canonical form of its body.
    pub body_sha256: Vec<u8>,
    /// What was answered.
    pub answer: Value,
}

/// The demand a sender submitted under this id. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn find(
    client: &deadpool_postgres::Client,
    sender: &str,
    demand_id: &str,
) -> Result<Option<Known>, StoreError> {
    let statement = client.prepare_cached(include_str!("queries/demand/find.sql")).await?;
    let row = client.query_opt(&statement, &[&sender, &demand_id]).await?;
    row.map(|row| Ok(Known { body_sha256: row.try_get("body_sha256")?, answer: row.try_get("answer")? }))
        .transpose()
}

/// A lane after places in it were taken.
#[derive(Debug, Clone)]
pub struct Advanced {
    /// Its name.
    pub lane: String,
    /// The last place taken; the places before it, as many as were asked for, are the caller's too.
    pub last_seq: i64,
    /// The database's clock once the lane's row was locked.
    pub at: Timestamp,
}

/// Takes the next places in lanes, one for each mention. Locks the lanes' rows in order of name until the transaction
/// ends, so that the order of places is the order of commits and two demands never wait for each other in a ring.
///
/// # Errors
/// When the statement fails.
pub async fn advance_lanes(tx: &Transaction<'_>, lanes: &[&str]) -> Result<Vec<Advanced>, StoreError> {
    let statement = tx.prepare_cached(include_str!("queries/lane/advance.sql")).await?;
    let rows = tx.query(&statement, &[&lanes]).await?;
    rows.iter()
        .map(|row| {
            Ok(Advanced {
                lane: row.try_get("lane")?,
                last_seq: row.try_get("last_seq")?,
                at: row.try_get("at")?,
            })
        })
        .collect()
}

/// One line of `demand`.
#[derive(Debug)]
pub struct NewDemand<'a> {
    /// Who sends it.
    pub sender: &'a str,
    /// The sender's own number.
    pub demand_id: &'a str,
    /// SHA-256 of the canonical form.
    pub body_sha256: &'a [u8],
    /// The bytes received.
    pub submission: &'a [u8],
    /// What is answered now and to every repeat.
    pub answer: &'a Value,
    /// Time of acceptance.
    pub accepted_at: Timestamp,
}

/// Writes the demand, unless one with its key exists: then nothing is written and the answer is `false`. Waits for a
/// transaction that is writing the same key.
///
/// # Errors
/// When the statement fails.
pub async fn insert(tx: &Transaction<'_>, demand: &NewDemand<'_>) -> Result<bool, StoreError> {
    let statement = tx.prepare_cached(include_str!("queries/demand/insert.sql")).await?;
    let written = tx
        .execute(
            &statement,
            &[
                &demand.sender,
                &demand.demand_id,
                &demand.body_sha256,
                &demand.submission,
                &Json(demand.answer),
                &demand.accepted_at,
            ],
        )
        .await?;
    Ok(written == 1)
}

/// What all requests of a demand share.
#[derive(Debug)]
pub struct Shared<'a> {
    /// Who sends it.
    pub sender: &'a str,
    /// The sender's own number.
    pub demand_id: &'a str,
    /// `seizure`, `renewal`, `lifting` or `waiting`.
    pub kind: &'a str,
    /// Code of the executing court.
    pub court_code: &'a str,
    /// Case number of the enforcement.
    pub case_number: &'a str,
    /// Number of the ruling.
    pub judgment_number: &'a str,
    /// Case number of the original seizure.
    pub original_case_number: Option<&'a str>,
    /// The request that this demand corrects.
    pub prior_request_id: Option<Uuid>,
    /// W3C trace context of the acceptance.
    pub traceparent: Option<String>,
    /// Time of acceptance.
    pub accepted_at: Timestamp,
    /// Digests of the attachments.
    pub documents: &'a [&'a str],
}

/// One line of `request`, with its place.
#[derive(Debug)]
pub struct NewRequest {
    /// New id.
    pub request_id: Uuid,
    /// Id of its message in every attempt.
    pub message_id: Uuid,
    /// Which unit of the demand, from 1.
    pub unit_index: i16,
    /// Code of the property unit.
    pub unit_key: String,
    /// The registry's province.
    pub province: String,
    /// Who must receive it.
    pub registry: String,
    /// Its lane.
    pub lane: String,
    /// Its place in the lane.
    pub lane_seq: i64,
    /// Its address on the broker.
    pub routing_key: String,
    /// The message.
    pub body: Vec<u8>,
    /// SHA-256 of the message.
    pub body_sha256: Vec<u8>,
}

/// Writes the requests of a demand with their first state, their documents and their outbox rows, and wakes the relay at
/// commit: all in one statement, so that none of it can be without the rest. Takes no lock beyond foreign keys.
///
/// # Errors
/// When the statement fails.
pub async fn place(
    tx: &Transaction<'_>,
    shared: &Shared<'_>,
    requests: &[NewRequest],
) -> Result<(), StoreError> {
    fn column<'a, T>(requests: &'a [NewRequest], get: impl Fn(&'a NewRequest) -> T) -> Vec<T> {
        requests.iter().map(get).collect()
    }
    let statement = tx.prepare_cached(include_str!("queries/request/insert.sql")).await?;
    tx.query(
        &statement,
        &[
            &shared.sender,
            &shared.demand_id,
            &shared.kind,
            &shared.court_code,
            &shared.case_number,
            &shared.judgment_number,
            &shared.original_case_number,
            &shared.prior_request_id,
            &shared.traceparent,
            &column(requests, |r| r.request_id),
            &column(requests, |r| r.message_id),
            &column(requests, |r| r.unit_index),
            &column(requests, |r| r.unit_key.as_str()),
            &column(requests, |r| r.province.as_str()),
            &column(requests, |r| r.registry.as_str()),
            &column(requests, |r| r.lane.as_str()),
            &column(requests, |r| r.lane_seq),
            &column(requests, |r| r.routing_key.as_str()),
            &column(requests, |r| r.body.as_slice()),
            &column(requests, |r| r.body_sha256.as_slice()),
            &shared.accepted_at,
            &shared.documents,
        ],
    )
    .await?;
    Ok(())
}

/// State of a request, if it is the sender's. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn state_of(client: &Client, request_id: Uuid, sender: &str) -> Result<Option<String>, StoreError> {
    let row = client
        .query_opt(include_str!("queries/request/state_of_sender.sql"), &[&request_id, &sender])
        .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// How many outbox rows wait for the broker's confirm; counts no further than `most`. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn unconfirmed(client: &Client, most: i64) -> Result<i64, StoreError> {
    Ok(client.query_one(include_str!("queries/outbox/count_unconfirmed.sql"), &[&most]).await?.try_get(0)?)
}
