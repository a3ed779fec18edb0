//! Tables `window_entry` and `window_decision`: papers entered at a registry's window, and how each entry was completed.

use deadpool_postgres::Client;
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;
use xiezhi_schemas::address::RegistryCode;

use super::{StoreError, Transaction, decode};

/// A new entry.
#[derive(Debug)]
pub struct NewEntry<'a> {
    /// Its id; the id of the evidence of its receipts.
    pub entry_id: Uuid,
    /// The clerk's registry.
    pub registry: &'a RegistryCode,
    /// The clerk; sender of the demand.
    pub clerk: &'a str,
    /// The clerk's own number.
    pub demand_id: &'a str,
    /// The bytes received.
    pub body: &'a [u8],
    /// SHA-256 of the canonical form.
    pub body_sha256: &'a [u8],
    /// Digests of the scans.
    pub scans: &'a [&'a str],
    /// The hand-over.
    pub handed_over_at: Timestamp,
    /// When it was entered.
    pub entered_at: Timestamp,
    /// Whether the entry is late.
    pub late: bool,
    /// Why it is late, and the document that proves the hand-over.
    pub late_because: Option<(&'a str, &'a str)>,
    /// Why a second person is needed: `late`, `passes_others`; none when nobody is.
    pub second_because: Option<&'a str>,
}

/// Writes an entry unless the clerk has used its number: then nothing is written and the answer is `false`. Waits for a
/// transaction that is writing the same number.
///
/// # Errors
/// When the statement fails.
pub async fn insert(tx: &Transaction<'_>, entry: &NewEntry<'_>) -> Result<bool, StoreError> {
    let (reason, evidence) = entry.late_because.unzip();
    let written = tx
        .execute(
            include_str!("queries/window_entry/insert.sql"),
            &[
                &entry.entry_id,
                &entry.registry.as_str(),
                &entry.clerk,
                &entry.demand_id,
                &entry.body,
                &entry.body_sha256,
                &entry.scans,
                &entry.handed_over_at,
                &entry.entered_at,
                &entry.late,
                &reason,
                &evidence,
                &entry.second_because,
            ],
        )
        .await?;
    Ok(written == 1)
}

/// How an entry was completed.
#[derive(Debug)]
pub struct Decision<'a> {
    /// Which entry.
    pub entry_id: Uuid,
    /// `recorded` or `refused`.
    pub decision: &'a str,
    /// By whom: the clerk when no second person was needed.
    pub by: &'a str,
    /// When.
    pub at: Timestamp,
    /// In words.
    pub reason: Option<&'a str>,
    /// The bound that was applied.
    pub bound_secs: i64,
    /// The outage that extended it.
    pub outage_id: Option<Uuid>,
}

/// Writes the decision unless there is one: then nothing is written and the answer is `false`.
///
/// # Errors
/// When the statement fails.
pub async fn decide(tx: &Transaction<'_>, decision: &Decision<'_>) -> Result<bool, StoreError> {
    let written = tx
        .execute(
            include_str!("queries/window_decision/insert.sql"),
            &[
                &decision.entry_id,
                &decision.decision,
                &decision.by,
                &decision.at,
                &decision.reason,
                &decision.bound_secs,
                &decision.outage_id,
            ],
        )
        .await?;
    Ok(written == 1)
}

/// An entry with its decision, if there is one.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Place in the order of entering, for paging.
    pub n: i64,
    /// Id.
    pub entry_id: Uuid,
    /// Registry.
    pub registry: RegistryCode,
    /// Clerk.
    pub clerk: String,
    /// The clerk's own number.
    pub demand_id: String,
    /// The bytes received.
    pub body: Vec<u8>,
    /// SHA-256 of the canonical form.
    pub body_sha256: Vec<u8>,
    /// The hand-over.
    pub handed_over_at: Timestamp,
    /// When it was entered.
    pub entered_at: Timestamp,
    /// Whether it is late.
    pub late: bool,
    /// Why.
    pub late_reason: Option<String>,
    /// Digest of the proof.
    pub late_evidence: Option<String>,
    /// Why a second person is needed.
    pub second_because: Option<String>,
    /// The decision.
    pub decided: Option<Decided>,
}

/// A decision as it stands.
#[derive(Debug, Clone)]
pub struct Decided {
    /// `recorded` or `refused`.
    pub decision: String,
    /// By whom.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// In words.
    pub reason: Option<String>,
    /// The bound that was applied.
    pub bound_secs: i64,
    /// The outage that extended it.
    pub outage_id: Option<Uuid>,
}

fn entry(row: &Row) -> Result<Entry, StoreError> {
    let registry: String = row.try_get("registry")?;
    let decision: Option<String> = row.try_get("decision")?;
    let decided = match decision {
        None => None,
        Some(decision) => Some(Decided {
            decision,
            by: row.try_get("decided_by")?,
            at: row.try_get("decided_at")?,
            reason: row.try_get("reason")?,
            bound_secs: row.try_get("bound_secs")?,
            outage_id: row.try_get("outage_id")?,
        }),
    };
    Ok(Entry {
        n: row.try_get("n")?,
        entry_id: row.try_get("entry_id")?,
        registry: registry.parse().map_err(|e| decode("window_entry.registry", e))?,
        clerk: row.try_get("clerk")?,
        demand_id: row.try_get("demand_id")?,
        body: row.try_get("body")?,
        body_sha256: row.try_get("body_sha256")?,
        handed_over_at: row.try_get("handed_over_at")?,
        entered_at: row.try_get("entered_at")?,
        late: row.try_get("late")?,
        late_reason: row.try_get("late_reason")?,
        late_evidence: row.try_get("late_evidence")?,
        second_because: row.try_get("second_because")?,
        decided,
    })
}

/// The entry with this id. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn find(client: &Client, entry_id: Uuid) -> Result<Option<Entry>, StoreError> {
    let row = client.query_opt(include_str!("queries/window_entry/find.sql"), &[&entry_id]).await?;
    row.as_ref().map(entry).transpose()
}

/// The entry that a clerk made under this number. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn of_clerk(client: &Client, clerk: &str, demand_id: &str) -> Result<Option<Entry>, StoreError> {
    let row =
        client.query_opt(include_str!("queries/window_entry/of_clerk.sql"), &[&clerk, &demand_id]).await?;
    row.as_ref().map(entry).transpose()
}

/// Which entries are wanted; `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// Of one registry.
    pub registry: Option<&'a str>,
    /// `pending`, `recorded` or `refused`.
    pub status: Option<&'a str>,
    /// Citing this outage.
    pub outage_id: Option<Uuid>,
}

/// Entries after number `after`, oldest first, at most `limit`. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn list(
    client: &Client,
    filter: &Filter<'_>,
    after: i64,
    limit: i64,
) -> Result<Vec<Entry>, StoreError> {
    let rows = client
        .query(
            include_str!("queries/window_entry/list.sql"),
            &[&filter.registry, &filter.status, &filter.outage_id, &after, &limit],
        )
        .await?;
    rows.iter().map(entry).collect()
}
