//! Tables `dispute`, `dispute_request` and `order_decision`. All of them only grow; the log of a dispute is its matter's.

use jiff::{Timestamp, civil::Date};
use serde_json::Value;
use tokio_postgres::{Client, GenericClient, Row, types::Json};
use uuid::Uuid;
use xiezhi_domain::order::{Received, SuperiorDecision};
use xiezhi_schemas::message::{DisputeCause, Kind};

use super::{StoreError, Transaction, decode};

/// What a request is about, as far as a dispute asks.
#[derive(Debug, Clone)]
pub struct Named {
    /// The request.
    pub request_id: Uuid,
    /// Whose.
    pub sender: String,
    /// Its property unit.
    pub unit_key: String,
    /// Its registry.
    pub registry: String,
}

/// These requests, as far as they exist. Takes no lock: nothing of it ever changes.
///
/// # Errors
/// When the statement fails.
pub async fn named(client: &Client, requests: &[Uuid]) -> Result<Vec<Named>, StoreError> {
    let rows = client.query(include_str!("queries/dispute/unit_of.sql"), &[&requests]).await?;
    rows.iter()
        .map(|row| {
            Ok(Named {
                request_id: row.try_get("request_id")?,
                sender: row.try_get("sender")?,
                unit_key: row.try_get("unit_key")?,
                registry: row.try_get("registry")?,
            })
        })
        .collect()
}

/// The evidence of a unit at a registry as it stands in this one statement, as JSON text: every request that has a rank
/// and those named, with receipts, states, sendings, outcomes and events, and the head of the registry's chain.
///
/// # Errors
/// When the statement fails.
pub async fn evidence(
    tx: &Transaction<'_>,
    unit_key: &str,
    registry: &str,
    requests: &[Uuid],
) -> Result<String, StoreError> {
    let statement = include_str!("queries/dispute/evidence.sql");
    Ok(tx.query_one(statement, &[&unit_key, &registry, &requests]).await?.try_get(0)?)
}

/// A new dispute; its matter must have been inserted by this transaction.
#[derive(Debug)]
pub struct NewDispute<'a> {
    /// Its id, that of its matter.
    pub dispute_id: Uuid,
    /// Why it is opened.
    pub cause: DisputeCause,
    /// The request whose late receipt is the cause; a request has at most one such dispute.
    pub late_request: Option<Uuid>,
    /// The property unit.
    pub unit_key: &'a str,
    /// The registry.
    pub registry: &'a str,
    /// Who settles it.
    pub superior: &'a Value,
    /// The evidence as JSON text.
    pub evidence: &'a [u8],
    /// Its SHA-256.
    pub evidence_sha256: &'a [u8],
    /// Request, court and place by receipt of each party.
    pub parties: &'a [(Uuid, String, Option<i32>)],
}

/// Inserts a dispute with its parties.
///
/// # Errors
/// When the statement fails.
pub async fn insert(tx: &Transaction<'_>, new: &NewDispute<'_>) -> Result<(), StoreError> {
    let requests: Vec<Uuid> = new.parties.iter().map(|p| p.0).collect();
    let courts: Vec<&str> = new.parties.iter().map(|p| p.1.as_str()).collect();
    let places: Vec<Option<i32>> = new.parties.iter().map(|p| p.2).collect();
    tx.execute(
        include_str!("queries/dispute/insert.sql"),
        &[
            &new.dispute_id,
            &new.unit_key,
            &new.registry,
            &Json(new.superior),
            &new.evidence,
            &new.evidence_sha256,
            &requests,
            &courts,
            &places,
            &new.cause.as_str(),
            &new.late_request,
        ],
    )
    .await?;
    Ok(())
}

/// The frozen evidence and its SHA-256 in hexadecimal digits.
///
/// # Errors
/// When the statement fails.
pub async fn evidence_of(client: &Client, dispute_id: Uuid) -> Result<Option<(Vec<u8>, String)>, StoreError> {
    let row = client.query_opt(include_str!("queries/dispute/evidence_of.sql"), &[&dispute_id]).await?;
    row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
}

/// Which disputes are wanted; `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// With a request of this sender.
    pub sender: Option<&'a str>,
    /// Opened for this cause.
    pub cause: Option<DisputeCause>,
    /// About this unit.
    pub unit: Option<&'a str>,
    /// At this registry.
    pub registry: Option<&'a str>,
    /// In this province.
    pub province: Option<&'a str>,
    /// With this request.
    pub request_id: Option<Uuid>,
    /// Open or closed.
    pub open: Option<bool>,
    /// This one.
    pub dispute_id: Option<Uuid>,
    /// After this one, in the order of opening.
    pub after: Option<(Timestamp, Uuid)>,
}

/// A dispute without its log.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its id.
    pub dispute_id: Uuid,
    /// Why it was opened.
    pub cause: DisputeCause,
    /// The property unit.
    pub unit_key: String,
    /// The registry.
    pub registry: String,
    /// Who settles it.
    pub superior: Value,
    /// SHA-256 of the evidence, hexadecimal digits.
    pub evidence_sha256: String,
    /// When it began.
    pub opened_at: Timestamp,
    /// Who opened it.
    pub opened_by: String,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
}

/// At most `limit` disputes in the order of opening. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn page(client: &Client, filter: &Filter<'_>, limit: i64) -> Result<Vec<Line>, StoreError> {
    let (at, id) = filter.after.unzip();
    let rows = client
        .query(
            include_str!("queries/dispute/page.sql"),
            &[
                &filter.sender,
                &filter.unit,
                &filter.registry,
                &filter.province,
                &filter.request_id,
                &filter.open,
                &filter.dispute_id,
                &at,
                &id,
                &limit,
                &filter.cause.map(DisputeCause::as_str),
            ],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let cause: String = row.try_get("cause")?;
            let known = DisputeCause::ALL.into_iter().find(|known| known.as_str() == cause);
            Ok(Line {
                dispute_id: row.try_get("dispute_id")?,
                cause: known.ok_or_else(|| decode("dispute.cause", cause))?,
                unit_key: row.try_get("unit_key")?,
                registry: row.try_get("registry")?,
                superior: row.try_get("superior")?,
                evidence_sha256: row.try_get("evidence_sha256")?,
                opened_at: row.try_get("opened_at")?,
                opened_by: row.try_get("opened_by")?,
                closed_at: row.try_get("closed_at")?,
            })
        })
        .collect()
}

/// A request of a dispute.
#[derive(Debug, Clone)]
pub struct Party {
    /// The dispute.
    pub dispute_id: Uuid,
    /// The request.
    pub request_id: Uuid,
    /// Code of its court.
    pub court_code: String,
    /// Place by receipt when the dispute was opened.
    pub place: Option<i32>,
    /// Whose.
    pub sender: String,
    /// State now.
    pub state: String,
}

/// The parties of disputes, by place. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn parties(client: &Client, disputes: &[Uuid]) -> Result<Vec<Party>, StoreError> {
    let rows = client.query(include_str!("queries/dispute_request/of_disputes.sql"), &[&disputes]).await?;
    rows.iter()
        .map(|row| {
            Ok(Party {
                dispute_id: row.try_get("dispute_id")?,
                request_id: row.try_get("request_id")?,
                court_code: row.try_get("court_code")?,
                place: row.try_get("place")?,
                sender: row.try_get("sender")?,
                state: row.try_get("state")?,
            })
        })
        .collect()
}

/// A decision of the superior court as recorded.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Its id.
    pub decision_id: Uuid,
    /// The dispute that it settles.
    pub dispute_id: Uuid,
    /// 法院代字 of the court that decided.
    pub decided_by: String,
    /// The day of its document.
    pub decided_on: Date,
    /// Number of its document.
    pub document_number: String,
    /// Digest of its document.
    pub document_sha256: String,
    /// The requests from the first to the last.
    pub request_ids: Vec<Uuid>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Who recorded it.
    pub recorded_by: String,
}

/// Records a decision. The requests must be locked by this transaction, so that decisions on one unit come one by one.
///
/// # Errors
/// When the statement fails.
pub async fn insert_decision(
    tx: &Transaction<'_>,
    decision: &Decision,
    unit_key: &str,
    registry: &str,
) -> Result<(), StoreError> {
    tx.execute(
        include_str!("queries/order_decision/insert.sql"),
        &[
            &decision.decision_id,
            &decision.dispute_id,
            &unit_key,
            &registry,
            &decision.decided_by,
            &decision.decided_on,
            &decision.document_number,
            &decision.document_sha256,
            &decision.request_ids,
            &decision.recorded_at,
            &decision.recorded_by,
        ],
    )
    .await?;
    Ok(())
}

/// Decisions that settled these disputes, oldest first. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn decisions(client: &Client, disputes: &[Uuid]) -> Result<Vec<Decision>, StoreError> {
    let rows = client.query(include_str!("queries/order_decision/of_disputes.sql"), &[&disputes]).await?;
    rows.iter().map(decision).collect()
}

/// The decision that orders a unit now, if there is one: the newest. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn of_unit(
    client: &deadpool_postgres::Client,
    unit_key: &str,
) -> Result<Option<Decision>, StoreError> {
    let statement = client.prepare_cached(include_str!("queries/order_decision/of_unit.sql")).await?;
    let row = client.query_opt(&statement, &[&unit_key]).await?;
    row.as_ref().map(decision).transpose()
}

fn decision(row: &Row) -> Result<Decision, StoreError> {
    Ok(Decision {
        decision_id: row.try_get("decision_id")?,
        dispute_id: row.try_get("dispute_id")?,
        decided_by: row.try_get("decided_by")?,
        decided_on: row.try_get("decided_on")?,
        document_number: row.try_get("document_number")?,
        document_sha256: row.try_get("document_sha256")?,
        request_ids: row.try_get("request_ids")?,
        recorded_at: row.try_get("recorded_at")?,
        recorded_by: row.try_get("recorded_by")?,
    })
}

impl Decision {
    /// The order that it decided.
    ///
    /// # Errors
    /// When the stored decision names a request twice.
    pub fn order(&self) -> Result<SuperiorDecision, StoreError> {
        SuperiorDecision::new(self.request_ids.clone()).map_err(|e| decode("order_decision.request_ids", e))
    }
}

/// The decision in force on a unit's order: the newest, because each names all demands that stood when its dispute began.
/// What came later keeps its place by receipt behind them. Takes no lock; decisions are written under those of their requests.
///
/// # Errors
/// When the statement fails or the stored decision names a request twice.
pub async fn in_force(
    client: &impl GenericClient,
    unit_key: &str,
    registry: &str,
) -> Result<Option<SuperiorDecision>, StoreError> {
    let row =
        client.query_opt(include_str!("queries/order_decision/newest.sql"), &[&unit_key, &registry]).await?;
    let Some(row) = row else { return Ok(None) };
    let order: Vec<Uuid> = row.try_get(0)?;
    SuperiorDecision::new(order).map(Some).map_err(|e| decode("order_decision.request_ids", e))
}

/// Every receipt of a unit at a registry, by number, with what became of its request. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn receipts(
    client: &impl GenericClient,
    unit_key: &str,
    registry: &str,
) -> Result<Vec<Received>, StoreError> {
    let rows = client.query(include_str!("queries/receipt/of_unit.sql"), &[&unit_key, &registry]).await?;
    rows.iter()
        .map(|row| {
            let (kind, state): (String, String) = (row.try_get("kind")?, row.try_get("state")?);
            Ok(Received {
                request_id: row.try_get("request_id")?,
                kind: Kind::ALL
                    .into_iter()
                    .find(|k| k.as_str() == kind)
                    .ok_or_else(|| decode("request.kind", kind))?,
                delivered_at: row.try_get("delivered_at")?,
                no: row.try_get("no")?,
                state: state.parse().map_err(|e| decode("request.state", e))?,
            })
        })
        .collect()
}
