//! Table `request` as the road changes it: locking, and all that one transaction changes written at once.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::{Row, types::Json};
use uuid::Uuid;
use xiezhi_domain::{Event, IllegalTransition, State, order::Received};
use xiezhi_schemas::{
    address::{ProvinceCode, RegistryCode},
    message::{Digest, FeedbackBody, Kind},
};

use super::{
    StoreError, Transaction, decode,
    feedback::{self, NewFeedback},
    issues,
};

/// A request whose row is locked until the transaction ends.
#[derive(Debug, Clone)]
pub struct LockedRequest {
    /// Id.
    pub request_id: Uuid,
    /// Sender.
    pub sender: String,
    /// What is demanded.
    pub kind: Kind,
    /// Where it goes.
    pub province: ProvinceCode,
    /// Where it goes.
    pub registry: RegistryCode,
    /// Lane.
    pub lane: String,
    /// Place in the lane.
    pub lane_seq: i64,
    /// Id of its message.
    pub message_id: Uuid,
    /// Digest of its message.
    pub body_sha256: Digest,
    /// State now, within this transaction.
    pub state: State,
    /// Entries in its state log, within this transaction.
    pub state_n: i32,
    /// Attempt now.
    pub attempt: i32,
}

impl LockedRequest {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let text = |column: &'static str| row.try_get::<_, String>(column);
        let body_sha256: Vec<u8> = row.try_get("body_sha256")?;
        Ok(Self {
            request_id: row.try_get("request_id")?,
            sender: text("sender")?,
            kind: kind(&text("kind")?)?,
            province: text("province")?.parse().map_err(|e| decode("request.province", e))?,
            registry: text("registry")?.parse().map_err(|e| decode("request.registry", e))?,
            lane: text("lane")?,
            lane_seq: row.try_get("lane_seq")?,
            message_id: row.try_get("message_id")?,
            body_sha256: hex::encode(body_sha256).parse().map_err(|e| decode("request.body_sha256", e))?,
            state: text("state")?.parse().map_err(|e| decode("request.state", e))?,
            state_n: row.try_get("state_n")?,
            attempt: row.try_get("attempt")?,
        })
    }
}

/// The kind that a stored word names.
pub(super) fn kind(word: &str) -> Result<Kind, StoreError> {
    let found = Kind::ALL.into_iter().find(|kind| kind.as_str() == word);
    found.ok_or_else(|| decode("request.kind", word))
}

/// Locks these requests in order of id; unknown ids are absent from the answer.
///
/// # Errors
/// When the statement fails.
pub async fn lock(tx: &Transaction<'_>, ids: &[Uuid]) -> Result<BTreeMap<Uuid, LockedRequest>, StoreError> {
    let statement = tx.prepare_cached(include_str!("queries/request/lock.sql")).await?;
    let rows = tx.query(&statement, &[&ids]).await?;
    rows.iter().map(|row| LockedRequest::read(row).map(|r| (r.request_id, r))).collect()
}

/// A request that would be overtaken: an earlier one of the same lane that is still on the road.
#[derive(Debug, Clone)]
pub struct Overtaken {
    /// The later one, about to be received.
    pub later: Uuid,
    /// The earlier one.
    pub earlier: Uuid,
    /// Where the earlier one stands.
    pub earlier_state: String,
}

/// Earlier requests of the same lanes that are still on the road and are not known to be overtaken yet: one event for each
/// is enough, however many pass it. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn overtaken(tx: &Transaction<'_>, later: &[&LockedRequest]) -> Result<Vec<Overtaken>, StoreError> {
    let ids: Vec<Uuid> = later.iter().map(|r| r.request_id).collect();
    let lanes: Vec<&str> = later.iter().map(|r| r.lane.as_str()).collect();
    let seqs: Vec<i64> = later.iter().map(|r| r.lane_seq).collect();
    let statement = tx.prepare_cached(include_str!("queries/request/overtaken.sql")).await?;
    let rows = tx.query(&statement, &[&ids, &lanes, &seqs]).await?;
    Ok(rows
        .iter()
        .map(|row| Overtaken { later: row.get(0), earlier: row.get(1), earlier_state: row.get(2) })
        .collect())
}

/// The receipts with a rank of these units at a registry, each with its unit. Takes no lock: with the registry's head locked
/// none is added, and whoever must know that none loses its rank locks the requests and looks at their state.
///
/// # Errors
/// When the statement fails.
pub async fn standing(
    tx: &Transaction<'_>,
    registry: &RegistryCode,
    units: &[&str],
) -> Result<Vec<(String, Received)>, StoreError> {
    let rows = tx.query(include_str!("queries/request/standing.sql"), &[&registry.as_str(), &units]).await?;
    rows.iter()
        .map(|row| {
            let (kind, state): (String, String) = (row.try_get("kind")?, row.try_get("state")?);
            let received = Received {
                request_id: row.try_get("request_id")?,
                kind: self::kind(&kind)?,
                delivered_at: row.try_get("delivered_at")?,
                no: row.try_get("no")?,
                state: state.parse().map_err(|e| decode("request.state", e))?,
            };
            Ok((row.try_get("unit_key")?, received))
        })
        .collect()
}

/// When a request came into its present state; `None` if there is no such request. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn last_change(tx: &Transaction<'_>, request_id: Uuid) -> Result<Option<Timestamp>, StoreError> {
    let row = tx.query_opt(include_str!("queries/request_state/last.sql"), &[&request_id]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Reads the database's clock as it stands at this statement, not at the start of the transaction.
///
/// # Errors
/// When the statement fails.
pub async fn clock(tx: &Transaction<'_>) -> Result<Timestamp, StoreError> {
    timed_clock(tx).await.map(|(at, _)| at)
}

/// The same with the time from question to answer, within which the clock was read.
///
/// # Errors
/// When the statement fails.
pub async fn timed_clock(tx: &Transaction<'_>) -> Result<(Timestamp, Duration), StoreError> {
    // Planned before: a plan that is made first is no part of the look.
    let statement = tx.prepare_cached("SELECT clock_timestamp()").await?;
    let asked = Instant::now();
    let row = tx.query_one(&statement, &[]).await?;
    let took = asked.elapsed();
    Ok((row.try_get(0)?, took))
}

/// One entry of a state log.
#[derive(Debug)]
struct Entry {
    request_id: Uuid,
    n: i32,
    state: State,
    at: Timestamp,
    actor: String,
    cause: String,
}

/// What happened and is worth a line to operators (table `event`).
#[derive(Debug)]
pub struct NewEvent {
    /// When.
    pub at: Timestamp,
    /// `parked`, `overtaken`, `order_changed`, `order_conflict`, `duplicate_seen`, `clock_refused`, `mapped`, `drift`, `dispute`, …
    pub kind: &'static str,
    /// The request, if it is about one.
    pub request_id: Option<Uuid>,
    /// Details without personal data.
    pub detail: Value,
}

/// Everything that a transaction changes about requests, collected and then written in a few statements, however many
/// requests there are.
#[derive(Debug, Default)]
pub struct Changes {
    entries: Vec<Entry>,
    events: Vec<NewEvent>,
    feedback: Vec<NewFeedback>,
}

impl Changes {
    /// Moves `request` by the one table of transitions.
    ///
    /// # Errors
    /// When the table has no such transition; nothing is noted then.
    pub fn transition(
        &mut self,
        request: &mut LockedRequest,
        event: Event,
        at: Timestamp,
        actor: &str,
        cause: &str,
    ) -> Result<(), IllegalTransition> {
        request.state = request.state.on(event)?;
        request.state_n += 1;
        self.entries.push(Entry {
            request_id: request.request_id,
            n: request.state_n,
            state: request.state,
            at,
            actor: actor.to_owned(),
            cause: cause.to_owned(),
        });
        Ok(())
    }

    /// Notes an event.
    pub fn event(&mut self, event: NewEvent) {
        self.events.push(event);
    }

    /// Tells the court.
    pub fn tell(&mut self, request_id: Uuid, body: FeedbackBody) {
        self.feedback.push(NewFeedback { request_id, body });
    }

    /// Writes everything. Comes last in a transaction, because it takes the rows of the courts' streams.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn write(self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        // Together: one round trip. The rows that the first of them changes are locked already.
        futures::try_join!(write_entries(tx, &self.entries), write_events(tx, &self.events))?;
        issues::follow(tx, &self.events).await?;
        let returned = self.entries.iter().filter(|entry| entry.state == State::Returned);
        let returned: Vec<(Uuid, Timestamp)> = returned.map(|entry| (entry.request_id, entry.at)).collect();
        issues::follow_returns(tx, &returned).await?;
        feedback::append(tx, &self.feedback).await
    }
}

async fn write_entries(tx: &Transaction<'_>, entries: &[Entry]) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = entries.iter().map(|e| e.request_id).collect();
    let ns: Vec<i32> = entries.iter().map(|e| e.n).collect();
    let states: Vec<&str> = entries.iter().map(|e| e.state.as_str()).collect();
    let ats: Vec<Timestamp> = entries.iter().map(|e| e.at).collect();
    let actors: Vec<&str> = entries.iter().map(|e| e.actor.as_str()).collect();
    let causes: Vec<&str> = entries.iter().map(|e| e.cause.as_str()).collect();
    let statement = tx.prepare_cached(include_str!("queries/request/apply_states.sql")).await?;
    tx.execute(&statement, &[&ids, &ns, &states, &ats, &actors, &causes]).await?;
    Ok(())
}

/// Inserts events; for use where no request changes.
///
/// # Errors
/// When the statement fails.
pub async fn write_events(tx: &Transaction<'_>, events: &[NewEvent]) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let ats: Vec<Timestamp> = events.iter().map(|e| e.at).collect();
    let kinds: Vec<&str> = events.iter().map(|e| e.kind).collect();
    let ids: Vec<Option<Uuid>> = events.iter().map(|e| e.request_id).collect();
    let details: Vec<Json<&Value>> = events.iter().map(|e| Json(&e.detail)).collect();
    let statement = tx.prepare_cached(include_str!("queries/event/insert.sql")).await?;
    tx.execute(&statement, &[&ats, &kinds, &ids, &details]).await?;
    Ok(())
}
