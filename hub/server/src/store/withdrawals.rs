//! Table `withdrawal`: what courts wish back, and what became of it. A row changes only while its request is locked.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::{Client, types::Json};
use uuid::Uuid;
use xiezhi_domain::withdrawal::WithdrawalState;
use xiezhi_schemas::{
    address::{ProvinceCode, RegistryCode},
    message::WithdrawalTaking,
};

use super::{StoreError, Transaction, decode};

/// A new wish.
#[derive(Debug)]
pub struct NewWithdrawal<'a> {
    /// Its id.
    pub withdrawal_id: Uuid,
    /// The request.
    pub request_id: Uuid,
    /// Who asks.
    pub sender: &'a str,
    /// SHA-256 of the canonical body.
    pub body_sha256: &'a [u8],
    /// The bytes received.
    pub submission: &'a [u8],
    /// What the connector gets.
    pub message: &'a [u8],
    /// Digest of the letter.
    pub letter_sha256: &'a str,
    /// When.
    pub asked_at: Timestamp,
}

/// Inserts a wish and lets the registry's connector fetch its letter. The request must be locked by this transaction.
///
/// # Errors
/// When the statement fails.
pub async fn insert(tx: &Transaction<'_>, new: &NewWithdrawal<'_>) -> Result<(), StoreError> {
    tx.execute(
        include_str!("queries/withdrawal/insert.sql"),
        &[
            &new.withdrawal_id,
            &new.request_id,
            &new.sender,
            &new.body_sha256,
            &new.submission,
            &new.message,
            &new.letter_sha256,
            &new.asked_at,
        ],
    )
    .await?;
    Ok(())
}

/// A wish as other wishes of its request see it.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its id.
    pub withdrawal_id: Uuid,
    /// SHA-256 of the canonical body.
    pub body_sha256: Vec<u8>,
    /// Where it stands.
    pub state: WithdrawalState,
}

/// All wishes of these requests, oldest first. Certain only while the requests are locked by this transaction.
///
/// # Errors
/// When the statement fails.
pub async fn of_requests(
    tx: &Transaction<'_>,
    requests: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Known>>, StoreError> {
    let statement = tx.prepare_cached(include_str!("queries/withdrawal/of_requests.sql")).await?;
    let mut found: HashMap<Uuid, Vec<Known>> = HashMap::new();
    for row in tx.query(&statement, &[&requests]).await? {
        let state: String = row.try_get("state")?;
        found.entry(row.try_get("request_id")?).or_default().push(Known {
            withdrawal_id: row.try_get("withdrawal_id")?,
            body_sha256: row.try_get("body_sha256")?,
            state: state.parse().map_err(|e| decode("withdrawal.state", e))?,
        });
    }
    Ok(found)
}

/// The end of a wish.
#[derive(Debug)]
pub struct Ended {
    /// Which.
    pub withdrawal_id: Uuid,
    /// How.
    pub state: WithdrawalState,
    /// When the hub learned of it.
    pub at: Timestamp,
    /// The registry's message, if it decided.
    pub decision: Option<Value>,
}

/// Ends open wishes. Their requests must be locked by this transaction.
///
/// # Errors
/// When the statement fails.
pub async fn end(tx: &Transaction<'_>, ended: &[Ended]) -> Result<(), StoreError> {
    if ended.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = ended.iter().map(|e| e.withdrawal_id).collect();
    let states: Vec<&str> = ended.iter().map(|e| e.state.as_str()).collect();
    let ats: Vec<Timestamp> = ended.iter().map(|e| e.at).collect();
    let decisions: Vec<Option<Json<&Value>>> = ended.iter().map(|e| e.decision.as_ref().map(Json)).collect();
    tx.execute(include_str!("queries/withdrawal/end.sql"), &[&ids, &states, &ats, &decisions]).await?;
    Ok(())
}

/// A wish that a connector has not handed over yet.
#[derive(Debug)]
pub struct Offered {
    /// Its id.
    pub withdrawal_id: Uuid,
    /// The request.
    pub request_id: Uuid,
    /// Who asks.
    pub sender: String,
    /// Who decides.
    pub registry: RegistryCode,
    /// What the connector gets.
    pub message: Vec<u8>,
}

/// Open wishes of a province, oldest first, that no registry system has taken, of requests that the registry holds (送达).
/// `registries` restricts to those. Takes no lock: what ends meanwhile is decided by whoever decides.
///
/// # Errors
/// When the statement fails.
pub async fn offered(
    client: &Client,
    province: &ProvinceCode,
    registries: Option<&[String]>,
    limit: i64,
) -> Result<Vec<Offered>, StoreError> {
    let rows = client
        .query(include_str!("queries/withdrawal/offered.sql"), &[&province.as_str(), &registries, &limit])
        .await?;
    rows.iter()
        .map(|row| {
            let registry: String = row.try_get("registry")?;
            Ok(Offered {
                withdrawal_id: row.try_get("withdrawal_id")?,
                request_id: row.try_get("request_id")?,
                sender: row.try_get("sender")?,
                registry: registry.parse().map_err(|e| decode("request.registry", e))?,
                message: row.try_get("message")?,
            })
        })
        .collect()
}

/// The request of a wish, if its registry lies in this province. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn request_of(
    client: &Client,
    withdrawal_id: Uuid,
    province: &ProvinceCode,
) -> Result<Option<Uuid>, StoreError> {
    let row = client
        .query_opt(include_str!("queries/withdrawal/request_of.sql"), &[&withdrawal_id, &province.as_str()])
        .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Notes what the registry's system did with a wish; gives where the wish stands, none when the taking was known already.
/// The request must be locked by this transaction.
///
/// # Errors
/// When the statement fails.
pub async fn take(
    tx: &Transaction<'_>,
    withdrawal_id: Uuid,
    taking: WithdrawalTaking,
    at: Timestamp,
) -> Result<Option<WithdrawalState>, StoreError> {
    let changed = tx
        .query_opt(include_str!("queries/withdrawal/take.sql"), &[&withdrawal_id, &taking.as_str(), &at])
        .await?;
    let Some(row) = changed else { return Ok(None) };
    let state: String = row.try_get("state")?;
    state.parse().map(Some).map_err(|e| decode("withdrawal.state", e))
}

/// Which wishes are wanted; `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// Who asked.
    pub sender: Option<&'a str>,
    /// Where it stands.
    pub state: Option<WithdrawalState>,
    /// Of one request.
    pub request_id: Option<Uuid>,
    /// Of registries of one province.
    pub province: Option<&'a str>,
    /// Of one registry.
    pub registry: Option<&'a str>,
    /// This one.
    pub withdrawal_id: Option<Uuid>,
    /// After this one, in the order of asking.
    pub after: Option<(Timestamp, Uuid)>,
}

/// A wish with what it is about.
#[derive(Debug)]
pub struct Line {
    /// Its id.
    pub withdrawal_id: Uuid,
    /// The request.
    pub request_id: Uuid,
    /// Who asked.
    pub sender: String,
    /// The court's own number of the demand.
    pub demand_id: String,
    /// The property unit.
    pub unit_key: String,
    /// Who decides.
    pub registry: String,
    /// Its province.
    pub province: String,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// What the registry's system did with it.
    pub taking: Option<String>,
    /// When it said so.
    pub taken_at: Option<Timestamp>,
    /// Where it stands.
    pub state: WithdrawalState,
    /// When it ended.
    pub decided_at: Option<Timestamp>,
    /// The registry's message.
    pub decision: Option<Value>,
    /// The bytes received.
    pub submission: Vec<u8>,
}

/// At most `limit` wishes in the order of asking. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn page(client: &Client, filter: &Filter<'_>, limit: i64) -> Result<Vec<Line>, StoreError> {
    let (at, id) = filter.after.unzip();
    let state = filter.state.map(WithdrawalState::as_str);
    let rows = client
        .query(
            include_str!("queries/withdrawal/page.sql"),
            &[
                &filter.sender,
                &state,
                &filter.request_id,
                &filter.province,
                &filter.registry,
                &filter.withdrawal_id,
                &at,
                &id,
                &limit,
            ],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let state: String = row.try_get("state")?;
            Ok(Line {
                withdrawal_id: row.try_get("withdrawal_id")?,
                request_id: row.try_get("request_id")?,
                sender: row.try_get("sender")?,
                demand_id: row.try_get("demand_id")?,
                unit_key: row.try_get("unit_key")?,
                registry: row.try_get("registry")?,
                province: row.try_get("province")?,
                asked_at: row.try_get("asked_at")?,
                taking: row.try_get("taking")?,
                taken_at: row.try_get("taken_at")?,
                state: state.parse().map_err(|e| decode("withdrawal.state", e))?,
                decided_at: row.try_get("decided_at")?,
                decision: row.try_get("decision")?,
                submission: row.try_get("submission")?,
            })
        })
        .collect()
}
