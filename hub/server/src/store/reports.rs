//! What the reports count. Everything is read from what is written once: requests, their state log, receipts, effective
//! outcomes and dead letters.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use tokio_postgres::Row;

use super::{StoreError, Transaction};

/// Requests by when they were accepted, and where they go.
#[derive(Debug, Clone, Copy)]
pub struct Span<'a> {
    /// Accepted at this instant or later.
    pub from: Timestamp,
    /// Accepted before this instant.
    pub before: Timestamp,
    /// Of one province; of all when `None`.
    pub province: Option<&'a str>,
}

/// What became of some requests, as of the instant of the report.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Counts {
    /// Accepted; the sum of all states.
    pub accepted: i64,
    /// With a receipt (送达), whatever came after it.
    pub received: i64,
    /// Registered and standing first (正式查封).
    pub registered_formal: i64,
    /// Registered and waiting (轮候查封).
    pub registered_waiting: i64,
    /// Registered liftings (解封).
    pub lifted: i64,
    /// Returned by the registry (退回).
    pub returned: i64,
    /// Returned at the court's written request (撤回).
    pub withdrawn: i64,
    /// On the road.
    pub in_flight: i64,
    /// Received and not decided yet.
    pub undecided: i64,
    /// Undelivered now (未送达).
    pub undelivered: i64,
    /// Given up after being undelivered.
    pub closed: i64,
    /// Undelivered at least once, whatever came after it.
    pub ever_undelivered: i64,
    /// Half of those received over the network waited less than this between acceptance and receipt, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_p50_seconds: Option<f64>,
    /// All but one of a hundred waited less than this, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_p99_seconds: Option<f64>,
    /// The longest wait, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_max_seconds: Option<f64>,
    /// Results for which a time limit runs (1个工作日 after 登簿).
    pub results_due: i64,
    /// Those that came within it.
    pub results_on_time: i64,
    /// Their share, from 0 to 1; absent when no limit ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_time_share: Option<f64>,
}

/// Counts of requests that share something.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Group {
    /// What they share: a kind, a channel, the code of a court, a province or a registry.
    pub key: String,
    /// What became of them.
    #[serde(flatten)]
    pub counts: Counts,
}

/// How requests are sorted into groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortedBy {
    /// Not at all.
    All,
    /// By kind.
    Kind,
    /// By channel.
    Channel,
    /// By court.
    Court,
    /// By province.
    Province,
    /// By registry.
    Registry,
}

impl SortedBy {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "all" => Self::All,
            "kind" => Self::Kind,
            "channel" => Self::Channel,
            "court" => Self::Court,
            "province" => Self::Province,
            "registry" => Self::Registry,
            _ => return None,
        })
    }
}

/// Counts in every sorting at once, so that all of them are of one instant. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn counts(tx: &Transaction<'_>, span: Span<'_>) -> Result<Vec<(SortedBy, Group)>, StoreError> {
    let rows = query(tx, include_str!("queries/report/counts.sql"), span).await?;
    rows.iter()
        .map(|row| {
            let word: String = row.try_get("sorted_by")?;
            let by = SortedBy::parse(&word).ok_or_else(|| super::decode("report.sorted_by", word))?;
            Ok((by, Group { key: row.try_get("key")?, counts: read(row)? }))
        })
        .collect()
}

fn read(row: &Row) -> Result<Counts, StoreError> {
    let (due, on_time): (i64, i64) = (row.try_get("results_due")?, row.try_get("results_on_time")?);
    Ok(Counts {
        accepted: row.try_get("accepted")?,
        received: row.try_get("received")?,
        registered_formal: row.try_get("registered_formal")?,
        registered_waiting: row.try_get("registered_waiting")?,
        lifted: row.try_get("lifted")?,
        returned: row.try_get("returned")?,
        withdrawn: row.try_get("withdrawn")?,
        in_flight: row.try_get("in_flight")?,
        undecided: row.try_get("undecided")?,
        undelivered: row.try_get("undelivered")?,
        closed: row.try_get("closed")?,
        ever_undelivered: row.try_get("ever_undelivered")?,
        wait_p50_seconds: row.try_get("wait_p50")?,
        wait_p99_seconds: row.try_get("wait_p99")?,
        wait_max_seconds: row.try_get("wait_max")?,
        results_due: due,
        results_on_time: on_time,
        on_time_share: (due > 0).then(|| on_time as f64 / due as f64),
    })
}

/// Returns that name one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reason {
    /// Coded reason.
    pub reason: String,
    /// Returns that name it; a return may name several.
    pub returns: i64,
}

/// Returns by reason, commonest first. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn returns(tx: &Transaction<'_>, span: Span<'_>) -> Result<Vec<Reason>, StoreError> {
    let rows = query(tx, include_str!("queries/report/returns.sql"), span).await?;
    rows.iter()
        .map(|row| Ok(Reason { reason: row.try_get("key")?, returns: row.try_get("count")? }))
        .collect()
}

/// Undelivered attempts with one cause at one tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Cause {
    /// Why.
    pub cause: String,
    /// Where the road ended.
    pub tier: String,
    /// Attempts.
    pub attempts: i64,
    /// Waiting for an operator.
    pub open: i64,
    /// Sent again.
    pub replayed: i64,
    /// Given up.
    pub closed: i64,
}

/// Undelivered attempts by cause, commonest first. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn undelivered(tx: &Transaction<'_>, span: Span<'_>) -> Result<Vec<Cause>, StoreError> {
    let rows = query(tx, include_str!("queries/report/undelivered.sql"), span).await?;
    rows.iter()
        .map(|row| {
            Ok(Cause {
                cause: row.try_get("cause")?,
                tier: row.try_get("tier")?,
                attempts: row.try_get("attempts")?,
                open: row.try_get("open")?,
                replayed: row.try_get("replayed")?,
                closed: row.try_get("closed")?,
            })
        })
        .collect()
}

/// Documents that an organisation sealed by colour scan (彩色印章扫描件) in place of an electronic seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Scans {
    /// Code of the court.
    pub organisation: String,
    /// Demands with such a document; one of several units counts once.
    pub demands: i64,
    /// Such documents.
    pub documents: i64,
}

/// Scans by organisation, most first. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn scans(tx: &Transaction<'_>, span: Span<'_>) -> Result<Vec<Scans>, StoreError> {
    let rows = query(tx, include_str!("queries/report/scans.sql"), span).await?;
    rows.iter()
        .map(|row| {
            Ok(Scans {
                organisation: row.try_get("organisation")?,
                demands: row.try_get("demands")?,
                documents: row.try_get("documents")?,
            })
        })
        .collect()
}

/// Issues of one cause that were opened in the span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Issues {
    /// Why they were opened.
    pub cause: String,
    /// How many.
    pub opened: i64,
    /// Open now.
    pub open: i64,
    /// Open after the day on which they were due.
    pub overdue: i64,
}

/// Issues by cause, commonest first. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn issues(tx: &Transaction<'_>, span: Span<'_>) -> Result<Vec<Issues>, StoreError> {
    let rows = query(tx, include_str!("queries/report/issues.sql"), span).await?;
    rows.iter()
        .map(|row| {
            Ok(Issues {
                cause: row.try_get("cause")?,
                opened: row.try_get("opened")?,
                open: row.try_get("open")?,
                overdue: row.try_get("overdue")?,
            })
        })
        .collect()
}

async fn query(tx: &Transaction<'_>, statement: &str, span: Span<'_>) -> Result<Vec<Row>, StoreError> {
    Ok(tx.query(statement, &[&span.from, &span.before, &span.province]).await?)
}
