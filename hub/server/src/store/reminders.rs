//! Table `reminder`: what is due at whom; and the facts from which that follows.

use std::collections::{HashMap, HashSet};

use jiff::{Timestamp, civil::Date};
use tokio_postgres::{Client, GenericClient, Row};
use uuid::Uuid;
use xiezhi_domain::timers::{Facts, Reminder};
use xiezhi_schemas::{
    address::{ProvinceCode, RegistryCode},
    message::{Addressee, ReminderKind, ReminderLevel},
};

use super::{StoreError, Transaction, decode};

/// Requests of which a timer may run or a reminder may have to end: those accepted before `accepted`, returned after
/// `returned`, or with a reminder that stands. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn candidates(
    client: &Client,
    accepted: Timestamp,
    returned: Timestamp,
) -> Result<HashSet<Uuid>, StoreError> {
    let rows = client.query(include_str!("queries/reminder/candidates.sql"), &[&accepted, &returned]).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// The last day of each seizure that stands, as far as it lies between two days: by the request that brought it about.
/// Follows from the effective outcomes; the one place where the hub asks what stands. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn standing(client: &Client, from: Date, to: Date) -> Result<HashMap<Uuid, Date>, StoreError> {
    let (from, to) = (from.to_string(), to.to_string());
    let rows = client.query(include_str!("queries/outcome/standing.sql"), &[&from, &to]).await?;
    Ok(rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect::<Result<_, tokio_postgres::Error>>()?)
}

/// What is known of some requests, without what stands in the register. Takes no lock.
///
/// # Errors
/// When the statement fails or a stored state is unknown.
pub async fn facts(
    client: &impl GenericClient,
    requests: &[Uuid],
) -> Result<HashMap<Uuid, Facts>, StoreError> {
    let rows = client.query(include_str!("queries/reminder/facts.sql"), &[&requests]).await?;
    rows.iter()
        .map(|row| {
            let state: String = row.try_get("state")?;
            let facts = Facts {
                state: state.parse().map_err(|e| decode("request.state", e))?,
                sent_at: row.try_get("sent_at")?,
                passed_on_at: row.try_get("passed_on_at")?,
                delivered_at: row.try_get("delivered_at")?,
                returned_at: row.try_get("returned_at")?,
                corrected: row.try_get("corrected")?,
                result_due_at: row.try_get("result_due_at")?,
                stands_until: None,
            };
            Ok((row.try_get("request_id")?, facts))
        })
        .collect()
}

/// A reminder that stands, with its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Number.
    pub reminder_id: i64,
    /// What it says.
    pub reminder: Reminder,
}

/// The reminders of these requests that stand. Takes no lock; nobody else writes them while the requests are locked.
///
/// # Errors
/// When the statement fails or a stored word is unknown.
pub async fn open(
    client: &impl GenericClient,
    requests: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Standing>>, StoreError> {
    let mut found: HashMap<Uuid, Vec<Standing>> = HashMap::new();
    for row in client.query(include_str!("queries/reminder/open.sql"), &[&requests]).await? {
        let standing = Standing { reminder_id: row.try_get("reminder_id")?, reminder: reminder(&row)? };
        found.entry(row.try_get("request_id")?).or_default().push(standing);
    }
    Ok(found)
}

fn reminder(row: &Row) -> Result<Reminder, StoreError> {
    let (kind, level, to): (String, String, String) =
        (row.try_get("kind")?, row.try_get("level")?, row.try_get("addressee")?);
    Ok(Reminder {
        kind: kind.parse().map_err(|e| decode("reminder.kind", e))?,
        to: to.parse().map_err(|e| decode("reminder.addressee", e))?,
        level: level.parse().map_err(|e| decode("reminder.level", e))?,
        due_at: row.try_get("due_at")?,
    })
}

/// Makes reminders; gives those that were never made before. The requests must be locked by this transaction.
///
/// # Errors
/// When the statement fails.
pub async fn insert(
    tx: &Transaction<'_>,
    new: &[(Uuid, Reminder)],
    now: Timestamp,
) -> Result<Vec<(Uuid, Reminder)>, StoreError> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = new.iter().map(|(id, _)| *id).collect();
    let kinds: Vec<&str> = new.iter().map(|(_, r)| r.kind.as_str()).collect();
    let levels: Vec<&str> = new.iter().map(|(_, r)| r.level.as_str()).collect();
    let addressees: Vec<&str> = new.iter().map(|(_, r)| r.to.as_str()).collect();
    let dues: Vec<Timestamp> = new.iter().map(|(_, r)| r.due_at).collect();
    let statement = include_str!("queries/reminder/insert.sql");
    let rows = tx.query(statement, &[&ids, &kinds, &levels, &addressees, &dues, &now]).await?;
    let mut fresh = Vec::new();
    for row in rows {
        if row.try_get("fresh")? {
            fresh.push((row.try_get("request_id")?, reminder(&row)?));
        }
    }
    Ok(fresh)
}

/// Closes reminders, by number, each with `ended` or `escalated`. The requests must be locked by this transaction.
///
/// # Errors
/// When the statement fails.
pub async fn close(
    tx: &Transaction<'_>,
    closed: &[(i64, &'static str)],
    now: Timestamp,
) -> Result<(), StoreError> {
    if closed.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = closed.iter().map(|(id, _)| *id).collect();
    let causes: Vec<&str> = closed.iter().map(|(_, because)| *because).collect();
    tx.execute(include_str!("queries/reminder/close.sql"), &[&ids, &causes, &now]).await?;
    Ok(())
}

/// How many reminders of each level stand. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn count_open(client: &Client) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = client.query(include_str!("queries/reminder/count_open.sql"), &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Which reminders; all conditions hold together.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// For whom.
    pub to: Option<Addressee>,
    /// Of demands of this court.
    pub sender: Option<&'a str>,
    /// Of one province.
    pub province: Option<&'a ProvinceCode>,
    /// Of one registry.
    pub registry: Option<&'a RegistryCode>,
    /// Of this kind.
    pub kind: Option<ReminderKind>,
    /// Of this level.
    pub level: Option<ReminderLevel>,
    /// That stand, or that are closed.
    pub open: Option<bool>,
    /// About this request.
    pub request_id: Option<Uuid>,
}

/// A reminder with what it is about.
#[derive(Debug)]
pub struct Listed {
    /// Number.
    pub reminder_id: i64,
    /// What it says.
    pub reminder: Reminder,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
    /// `ended` or `escalated`.
    pub closed_because: Option<String>,
    /// Request.
    pub request_id: Uuid,
    /// Who sent it.
    pub sender: String,
    /// The court's own number of the demand.
    pub demand_id: String,
    /// Which unit, from 1.
    pub unit_index: i16,
    /// Province.
    pub province: String,
    /// Registry.
    pub registry: String,
    /// Where the request stands.
    pub state: String,
}

/// Reminders after number `after` that fit, in order of number. Takes no lock.
///
/// # Errors
/// When the statement fails or a stored word is unknown.
pub async fn list(
    client: &Client,
    filter: &Filter<'_>,
    after: i64,
    limit: i64,
) -> Result<Vec<Listed>, StoreError> {
    let rows = client
        .query(
            include_str!("queries/reminder/list.sql"),
            &[
                &filter.to.map(Addressee::as_str),
                &filter.sender,
                &filter.province.map(ProvinceCode::as_str),
                &filter.registry.map(RegistryCode::as_str),
                &filter.kind.map(ReminderKind::as_str),
                &filter.level.map(ReminderLevel::as_str),
                &filter.open,
                &filter.request_id,
                &after,
                &limit,
            ],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Listed {
                reminder_id: row.try_get("reminder_id")?,
                reminder: reminder(row)?,
                created_at: row.try_get("created_at")?,
                closed_at: row.try_get("closed_at")?,
                closed_because: row.try_get("closed_because")?,
                request_id: row.try_get("request_id")?,
                sender: row.try_get("sender")?,
                demand_id: row.try_get("demand_id")?,
                unit_index: row.try_get("unit_index")?,
                province: row.try_get("province")?,
                registry: row.try_get("registry")?,
                state: row.try_get("state")?,
            })
        })
        .collect()
}
