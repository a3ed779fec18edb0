//! Table `issue`: what is open in a province (问题台账). The log of an issue is its matter's; some are opened by what happens to
//! requests, in the transaction in which it happens.

use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_postgres::Client;
use uuid::Uuid;

use super::{StoreError, Transaction, decode, requests::NewEvent};

/// Why an issue was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "IssueCause")]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// By a person.
    Person,
    /// A connector parked the demand: the local system cannot take this one.
    Parked,
    /// The register as reported disagrees with the order of delivery; closes by itself when they agree again.
    OrderAnomaly,
    /// A late receipt stands before what is registered; a dispute is open too.
    OrderConflict,
    /// A second result contradicts the one that took effect.
    Contradiction,
    /// A result has no effect in the register kept here.
    RegisterFlag,
    /// A corrected demand was returned again.
    ReturnedAgain,
}

impl Cause {
    const ALL: [Self; 7] = [
        Self::Person,
        Self::Parked,
        Self::OrderAnomaly,
        Self::OrderConflict,
        Self::Contradiction,
        Self::RegisterFlag,
        Self::ReturnedAgain,
    ];

    /// The word in SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Parked => "parked",
            Self::OrderAnomaly => "order_anomaly",
            Self::OrderConflict => "order_conflict",
            Self::Contradiction => "contradiction",
            Self::RegisterFlag => "register_flag",
            Self::ReturnedAgain => "returned_again",
        }
    }

    /// The issue that an event opens, if it opens one. What expired or found no road is no issue of its own: the list of what
    /// was not delivered holds it.
    fn of(event: &NewEvent) -> Option<Self> {
        match event.kind {
            "parked" if event.detail["cause"] == "parked" => Some(Self::Parked),
            "order_anomaly" => Some(Self::OrderAnomaly),
            "order_conflict" => Some(Self::OrderConflict),
            "dispute" => Some(Self::Contradiction),
            "register_flag" => Some(Self::RegisterFlag),
            _ => None,
        }
    }
}

/// The issue in a line, from the event that opened it.
fn subject(cause: Cause, event: &NewEvent) -> String {
    let why = event.detail["why"].as_str().unwrap_or_default();
    match (cause, event.detail["code"].as_str()) {
        (_, Some(code)) => format!("{code}: {why}"),
        (Cause::Parked, None) => "the connector parked the demand (HUB-4003)".to_owned(),
        (Cause::OrderConflict, None) => {
            let dispute = event.detail["dispute_id"].as_str().unwrap_or_default();
            format!("a late receipt stands before registered demands: dispute {dispute}")
        }
        (_, None) => why.to_owned(),
    }
}

/// Opens the issues that these events ask for, unless one of the same cause is open for the request, and closes those whose
/// disagreement has ended. The events must be written. Locks the matters that it closes; comes after requests and unit heads.
///
/// # Errors
/// When a statement fails.
pub async fn follow(tx: &Transaction<'_>, events: &[NewEvent]) -> Result<(), StoreError> {
    let asking: Vec<(Cause, Uuid, &NewEvent)> =
        events.iter().filter_map(|event| Some((Cause::of(event)?, event.request_id?, event))).collect();
    if !asking.is_empty() {
        let ids: Vec<Uuid> = asking.iter().map(|_| Uuid::now_v7()).collect();
        let causes: Vec<&str> = asking.iter().map(|(cause, ..)| cause.as_str()).collect();
        let requests: Vec<Uuid> = asking.iter().map(|(_, request, _)| *request).collect();
        let subjects: Vec<String> = asking.iter().map(|(cause, _, event)| subject(*cause, event)).collect();
        let texts: Vec<String> = asking.iter().map(|(.., event)| event.detail.to_string()).collect();
        let ats: Vec<Timestamp> = asking.iter().map(|(.., event)| event.at).collect();
        let statement = tx.prepare_cached(include_str!("queries/issue/open_by_events.sql")).await?;
        tx.execute(&statement, &[&ids, &causes, &requests, &subjects, &texts, &ats]).await?;
    }
    let cleared = events.iter().filter(|event| event.kind == "order_anomaly_cleared");
    let (requests, ats): (Vec<Uuid>, Vec<Timestamp>) =
        cleared.filter_map(|event| Some((event.request_id?, event.at))).unzip();
    if !requests.is_empty() {
        let statement = tx.prepare_cached(include_str!("queries/issue/close_cleared.sql")).await?;
        tx.execute(&statement, &[&requests, &ats]).await?;
    }
    Ok(())
}

/// Opens an issue for each of these returned requests that corrects one which was returned as well.
///
/// # Errors
/// When the statement fails.
pub async fn follow_returns(tx: &Transaction<'_>, returned: &[(Uuid, Timestamp)]) -> Result<(), StoreError> {
    if returned.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = returned.iter().map(|_| Uuid::now_v7()).collect();
    let requests: Vec<Uuid> = returned.iter().map(|(request, _)| *request).collect();
    let ats: Vec<Timestamp> = returned.iter().map(|(_, at)| *at).collect();
    let statement = tx.prepare_cached(include_str!("queries/issue/open_by_returns.sql")).await?;
    tx.execute(&statement, &[&ids, &requests, &ats]).await?;
    Ok(())
}

/// An issue opened by a person; its matter must have been inserted by this transaction.
#[derive(Debug)]
pub struct NewIssue<'a> {
    /// Its id, that of its matter.
    pub issue_id: Uuid,
    /// Of which province.
    pub province: &'a str,
    /// The request that it is about.
    pub request_id: Option<Uuid>,
    /// What it is, in a line.
    pub subject: &'a str,
    /// Who sees to it.
    pub owner: Option<&'a str>,
    /// Until when.
    pub due_on: Option<Date>,
}

/// Inserts an issue.
///
/// # Errors
/// When the statement fails.
pub async fn insert(tx: &Transaction<'_>, new: &NewIssue<'_>) -> Result<(), StoreError> {
    tx.execute(
        include_str!("queries/issue/insert.sql"),
        &[
            &new.issue_id,
            &Cause::Person.as_str(),
            &new.province,
            &new.request_id,
            &new.subject,
            &new.owner,
            &new.due_on,
        ],
    )
    .await?;
    Ok(())
}

/// Says who sees to an issue, and until when; what is absent stays. The matter must be locked by this transaction.
///
/// # Errors
/// When the statement fails.
pub async fn assign(
    tx: &Transaction<'_>,
    issue_id: Uuid,
    owner: Option<&str>,
    due_on: Option<Date>,
) -> Result<(), StoreError> {
    tx.execute(include_str!("queries/issue/assign.sql"), &[&issue_id, &owner, &due_on]).await?;
    Ok(())
}

/// Which issues are wanted; `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// Of this province.
    pub province: Option<&'a str>,
    /// Opened for this.
    pub cause: Option<Cause>,
    /// About this request.
    pub request_id: Option<Uuid>,
    /// Seen to by this person or office.
    pub owner: Option<&'a str>,
    /// Open or closed.
    pub open: Option<bool>,
    /// Open, and due before this day.
    pub due_before: Option<Date>,
    /// This one.
    pub issue_id: Option<Uuid>,
    /// After this one, in the order of opening.
    pub after: Option<(Timestamp, Uuid)>,
}

/// An issue without its log.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its id.
    pub issue_id: Uuid,
    /// Why it was opened.
    pub cause: Cause,
    /// Of which province.
    pub province: String,
    /// The request that it is about.
    pub request_id: Option<Uuid>,
    /// What it is, in a line.
    pub subject: String,
    /// Who sees to it.
    pub owner: Option<String>,
    /// Until when.
    pub due_on: Option<Date>,
    /// When it began.
    pub opened_at: Timestamp,
    /// Who opened it.
    pub opened_by: String,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
    /// The words that ended it.
    pub answer: Option<String>,
}

/// At most `limit` issues in the order of opening. Takes no lock.
///
/// # Errors
/// When the statement fails or a stored cause is unknown.
pub async fn page(client: &Client, filter: &Filter<'_>, limit: i64) -> Result<Vec<Line>, StoreError> {
    let (at, id) = filter.after.unzip();
    let rows = client
        .query(
            include_str!("queries/issue/page.sql"),
            &[
                &filter.province,
                &filter.cause.map(Cause::as_str),
                &filter.request_id,
                &filter.owner,
                &filter.open,
                &filter.due_before,
                &filter.issue_id,
                &at,
                &id,
                &limit,
            ],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let cause: String = row.try_get("cause")?;
            let known = Cause::ALL.into_iter().find(|known| known.as_str() == cause);
            Ok(Line {
                issue_id: row.try_get("issue_id")?,
                cause: known.ok_or_else(|| decode("issue.cause", cause))?,
                province: row.try_get("province")?,
                request_id: row.try_get("request_id")?,
                subject: row.try_get("subject")?,
                owner: row.try_get("owner")?,
                due_on: row.try_get("due_on")?,
                opened_at: row.try_get("opened_at")?,
                opened_by: row.try_get("opened_by")?,
                closed_at: row.try_get("closed_at")?,
                answer: row.try_get("answer")?,
            })
        })
        .collect()
}
