//! The one limit of law: until when a result must have arrived, and what is noted when it came late.

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;
use xiezhi_domain::timers::Timers;
use xiezhi_schemas::message::ReminderKind;

use crate::store::{
    Store, StoreError, outcomes as table,
    requests::{NewEvent, write_events},
};

/// Results whose due time is filled in at once.
const BATCH: i64 = 1000;

/// Whether something done at `done` was late: the due time is the first instant that is.
pub fn is_late(due_at: Option<Timestamp>, done: Timestamp) -> bool {
    due_at.is_some_and(|due| done >= due)
}

/// The event of a result that the court was told of too late (V22).
pub fn late_event(at: Timestamp, request_id: Uuid, due_at: Timestamp, fed_back_at: Timestamp) -> NewEvent {
    NewEvent {
        at,
        kind: "overdue",
        request_id: Some(request_id),
        detail: json!({ "timer": ReminderKind::Receipt, "due_at": due_at, "fed_back_at": fed_back_at }),
    }
}

/// Gives results that have none yet their due time: those that came while their year was not loaded, or before there were
/// due times. Gives their number.
///
/// # Errors
/// When the database fails.
pub async fn fill(store: &Store, timers: &Timers) -> Result<usize, StoreError> {
    let mut years = timers.calendar().years();
    let Some(first) = years.next() else { return Ok(0) };
    let last = years.last().unwrap_or(first);
    let start = |year| xiezhi_domain::workdays::start_of(jiff::civil::date(year, 1, 1));
    let mut filled = 0;
    loop {
        let mut client = store.client().await?;
        let waiting = table::without_due(&client, start(first), start(last + 1), BATCH).await?;
        // The last days of the last year need the next; they come last and wait.
        let counted: Vec<_> = waiting
            .iter()
            .filter_map(|w| Some((w.request_id, w.n, timers.receipt_due(w.registered_at).ok()?)))
            .collect();
        if counted.is_empty() {
            return Ok(filled);
        }
        let tx = client.transaction().await?;
        let set = table::set_due(&tx, &counted).await?;
        let now = crate::store::requests::clock(&tx).await?;
        let late: Vec<NewEvent> = set
            .iter()
            .filter_map(|(id, due, fed)| {
                fed.filter(|fed| is_late(Some(*due), *fed)).map(|fed| late_event(now, *id, *due, fed))
            })
            .collect();
        write_events(&tx, &late).await?;
        tx.commit().await.map_err(StoreError::of_commit)?;
        filled += set.len();
    }
}
