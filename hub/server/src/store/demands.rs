//! Tables `demand`, `lane`, `request` and what is written with them when a demand is accepted.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::{Client, types::Json};
use uuid::Uuid;
use xiezhi_schemas::message::Channel;

use super::{StoreError, Transaction};

/// The key of a demand: who sends it, and the sender's own number.
pub type Key = (String, String);

/// A demand that was accepted before.
#[derive(Debug, Clone)]
pub struct Known {
    /// SHA-256 of the canonical form of its body.
    pub body_sha256: Vec<u8>,
    /// What was answered.
    pub answer: Value,
}

/// Those of these demands that were accepted before. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn find(
    client: &deadpool_postgres::Client,
    keys: &[(&str, &str)],
) -> Result<HashMap<Key, Known>, StoreError> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let (senders, ids): (Vec<&str>, Vec<&str>) = keys.iter().copied().unzip();
    let statement = client.prepare_cached(include_str!("queries/demand/find.sql")).await?;
    let rows = client.query(&statement, &[&senders, &ids]).await?;
    rows.iter()
        .map(|row| {
            let known = Known { body_sha256: row.try_get("body_sha256")?, answer: row.try_get("answer")? };
            Ok(((row.try_get("sender")?, row.try_get("demand_id")?), known))
        })
        .collect()
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

/// Bounds the waits of this transaction for locks. Demands share a transaction: one whose lane or key somebody holds must not
/// keep the others.
///
/// # Errors
/// When the statement fails.
pub async fn wait_shortly(tx: &Transaction<'_>) -> Result<(), StoreError> {
    Ok(tx.batch_execute("SET LOCAL lock_timeout = '2s'").await?)
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
    pub body_sha256: Vec<u8>,
    /// The bytes received.
    pub submission: &'a [u8],
    /// What is answered now and to every repeat.
    pub answer: Value,
    /// Time of acceptance.
    pub accepted_at: Timestamp,
}

/// Writes these demands; the answer is how many were not there yet. Those that were are left as they are. Waits for a
/// transaction that is writing the same key, in order of keys, so that two writers never wait for each other in a ring.
///
/// # Errors
/// When the statement fails.
pub async fn insert(tx: &Transaction<'_>, demands: &[NewDemand<'_>]) -> Result<u64, StoreError> {
    let statement = tx.prepare_cached(include_str!("queries/demand/insert.sql")).await?;
    let written = tx
        .execute(
            &statement,
            &[
                &column(demands, |d| d.sender),
                &column(demands, |d| d.demand_id),
                &column(demands, |d| d.body_sha256.as_slice()),
                &column(demands, |d| d.submission),
                &column(demands, |d| Json(&d.answer)),
                &column(demands, |d| d.accepted_at),
            ],
        )
        .await?;
    Ok(written)
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
    /// W3C trace context of the acceptance.
    pub traceparent: Option<&'a str>,
    /// Time of acceptance.
    pub accepted_at: Timestamp,
    /// Digests of the attachments, each once.
    pub documents: Vec<&'a str>,
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
    /// The request that it corrects: one of the same unit.
    pub prior_request_id: Option<Uuid>,
    /// Its address on the broker.
    pub routing_key: String,
    /// The message.
    pub body: Vec<u8>,
    /// SHA-256 of the message.
    pub body_sha256: Vec<u8>,
}

fn column<'a, R, T>(rows: &'a [R], get: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(get).collect()
}

/// Writes requests with their first state, their documents and their outbox rows, and wakes the relay at commit: all in
/// one statement, so that none of it can be without the rest. Takes no lock beyond foreign keys.
///
/// # Errors
/// When the statement fails.
pub async fn place(tx: &Transaction<'_>, requests: &[(&Shared<'_>, &NewRequest)]) -> Result<(), StoreError> {
    let papers: Vec<(Uuid, &str)> = requests
        .iter()
        .flat_map(|(shared, new)| shared.documents.iter().map(|digest| (new.request_id, *digest)))
        .collect();
    let (of_request, digests): (Vec<Uuid>, Vec<&str>) = papers.into_iter().unzip();
    let statement = tx.prepare_cached(include_str!("queries/request/insert.sql")).await?;
    tx.query(
        &statement,
        &[
            &column(requests, |(shared, _)| shared.sender),
            &column(requests, |(shared, _)| shared.demand_id),
            &column(requests, |(shared, _)| shared.kind),
            &column(requests, |(shared, _)| shared.court_code),
            &column(requests, |(shared, _)| shared.case_number),
            &column(requests, |(shared, _)| shared.judgment_number),
            &column(requests, |(shared, _)| shared.original_case_number),
            &column(requests, |(_, new)| new.prior_request_id),
            &column(requests, |(shared, _)| shared.traceparent),
            &column(requests, |(shared, _)| shared.accepted_at),
            &column(requests, |(_, new)| new.request_id),
            &column(requests, |(_, new)| new.message_id),
            &column(requests, |(_, new)| new.unit_index),
            &column(requests, |(_, new)| new.unit_key.as_str()),
            &column(requests, |(_, new)| new.province.as_str()),
            &column(requests, |(_, new)| new.registry.as_str()),
            &column(requests, |(_, new)| new.lane.as_str()),
            &column(requests, |(_, new)| new.lane_seq),
            &column(requests, |(_, new)| new.routing_key.as_str()),
            &column(requests, |(_, new)| new.body.as_slice()),
            &column(requests, |(_, new)| new.body_sha256.as_slice()),
            &of_request,
            &digests,
        ],
    )
    .await?;
    Ok(())
}

/// How requests came that their registry holds already.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// `p2p` or `window`.
    pub channel: Channel,
    /// Why not the network.
    pub reason: &'a str,
    /// Clerk or connector that told.
    pub actor: &'a str,
}

/// Writes the requests of a demand that came by another channel, with their first state and their documents. They have no
/// outbox row: nothing is to be sent. Takes no lock beyond foreign keys.
///
/// # Errors
/// When the statement fails.
pub async fn place_received(
    tx: &Transaction<'_>,
    shared: &Shared<'_>,
    arrival: Arrival<'_>,
    requests: &[NewRequest],
) -> Result<(), StoreError> {
    tx.execute(
        include_str!("queries/request/insert_received.sql"),
        &[
            &shared.sender,
            &shared.demand_id,
            &shared.kind,
            &shared.court_code,
            &shared.case_number,
            &shared.judgment_number,
            &shared.original_case_number,
            &column(requests, |r| r.prior_request_id),
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
            &arrival.channel.as_str(),
            &arrival.reason,
            &arrival.actor,
        ],
    )
    .await?;
    Ok(())
}

/// A request that a demand says it corrects.
#[derive(Debug, Clone)]
pub struct Prior {
    /// Where it stands.
    pub state: String,
    /// Code of its property unit.
    pub unit_key: String,
}

/// Those of these requests that are their sender's: `(request, sender)`. Takes no lock: what may be corrected is over and
/// changes no more.
///
/// # Errors
/// When the statement fails.
pub async fn priors(
    client: &deadpool_postgres::Client,
    asked: &[(Uuid, &str)],
) -> Result<HashMap<(Uuid, String), Prior>, StoreError> {
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let (ids, senders): (Vec<Uuid>, Vec<&str>) = asked.iter().copied().unzip();
    let statement = client.prepare_cached(include_str!("queries/request/priors.sql")).await?;
    let rows = client.query(&statement, &[&ids, &senders]).await?;
    rows.iter()
        .map(|row| {
            let prior = Prior { state: row.try_get("state")?, unit_key: row.try_get("unit_key")? };
            Ok(((row.try_get("request_id")?, row.try_get("sender")?), prior))
        })
        .collect()
}

/// How many outbox rows wait for the broker's confirm; counts no further than `most`. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn unconfirmed(client: &Client, most: i64) -> Result<i64, StoreError> {
    Ok(client.query_one(include_str!("queries/outbox/count_unconfirmed.sql"), &[&most]).await?.try_get(0)?)
}
