//! One round: what stands now against what is written.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp, civil::Date};
use serde_json::json;
use uuid::Uuid;
use xiezhi_domain::{
    timers::{Facts, Outlook, Reminder, Targets, Timers},
    workdays::{NotLoaded, day_of},
};
use xiezhi_schemas::message::{Addressee, FeedbackBody, ReminderLevel, ReminderNotice};

use super::due;
use crate::store::{
    Store, StoreError,
    reminders::{self as table, Standing},
    requests::{self, Changes, NewEvent},
};

/// Requests looked at together.
const CHUNK: usize = 500;

/// Requests whose reminders are changed in one transaction: they stay locked meanwhile.
const STEP: usize = 50;

/// What a round did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Round {
    /// Reminders that were made.
    pub made: u64,
    /// Reminders that ended or were escalated.
    pub closed: u64,
    /// Results that got their due time.
    pub filled: usize,
    /// A year that a limit needed and that is not loaded.
    pub uncounted: Option<NotLoaded>,
}

/// Makes and closes reminders as of `now`.
///
/// # Errors
/// When the database fails; what was done stays done, the next round goes on.
pub async fn round(store: &Store, timers: &Timers, now: Timestamp) -> Result<Round, StoreError> {
    let mut done = Round { filled: due::fill(store, timers).await?, ..Round::default() };
    let (standing, mut requests) = look(store, timers.targets(), now).await?;
    requests.extend(standing.keys());
    let mut requests: Vec<Uuid> = requests.into_iter().collect();
    requests.sort_unstable();
    for chunk in requests.chunks(CHUNK) {
        let client = store.client().await?;
        let facts = table::facts(&**client, chunk).await?;
        let open = table::open(&**client, chunk).await?;
        drop(client);
        let mut differing = Vec::new();
        for (id, facts) in facts {
            let outlook = outlook(timers, facts, standing.get(&id), now);
            done.uncounted = done.uncounted.or(outlook.uncounted);
            if !Difference::of(id, &outlook, open.get(&id).map_or(&[], Vec::as_slice)).is_empty() {
                differing.push(id);
            }
        }
        differing.sort_unstable();
        for step in differing.chunks(STEP) {
            settle(store, timers, &standing, step, now, &mut done).await?;
        }
    }
    Ok(done)
}

/// What may have to change: the ends of standing seizures that are near, and the requests of which a timer may run.
async fn look(
    store: &Store,
    targets: &Targets,
    now: Timestamp,
) -> Result<(HashMap<Uuid, Date>, HashSet<Uuid>), StoreError> {
    let client = store.client().await?;
    let today = day_of(now);
    let ahead = targets.renewal.map_or(0, |renewal| renewal.notice_days.max(renewal.warning_days));
    let until = today.saturating_add(jiff::Span::new().days(i64::from(ahead)));
    let standing = table::standing(&client, today, until).await?;
    // No timer rings before half its time; working days are longer than the shortest of these.
    let spans = [targets.passing_on, targets.delivery, targets.new_item];
    let day = SignedDuration::from_hours(1);
    let least = spans.into_iter().flatten().map(|span| span / 2).min().unwrap_or(day).min(day);
    let rests = SignedDuration::from_hours(24 * i64::from(targets.returns_rest_days));
    let requests = table::candidates(&client, now - least, now - rests).await?;
    Ok((standing, requests))
}

fn outlook(timers: &Timers, facts: Facts, stands_until: Option<&Date>, now: Timestamp) -> Outlook {
    timers.outlook(&Facts { stands_until: stands_until.copied(), ..facts }, now)
}

/// What has to be made and closed for one request.
#[derive(Debug, Default, PartialEq, Eq)]
struct Difference {
    make: Vec<(Uuid, Reminder)>,
    close: Vec<(i64, &'static str)>,
}

impl Difference {
    fn of(request_id: Uuid, outlook: &Outlook, open: &[Standing]) -> Self {
        let wanted = &outlook.reminders;
        let make = wanted.iter().filter(|w| open.iter().all(|o| o.reminder != **w));
        let close = open.iter().filter(|o| !wanted.contains(&o.reminder)).map(|o| {
            let higher = wanted.iter().any(|w| {
                (w.kind, w.to, w.due_at) == (o.reminder.kind, o.reminder.to, o.reminder.due_at)
                    && w.level > o.reminder.level
            });
            (o.reminder_id, if higher { "escalated" } else { "ended" })
        });
        Self { make: make.map(|w| (request_id, *w)).collect(), close: close.collect() }
    }

    fn is_empty(&self) -> bool {
        self.make.is_empty() && self.close.is_empty()
    }
}

/// Looks again with the requests locked, so that nobody is reminded of what was done a moment ago, and writes.
async fn settle(
    store: &Store,
    timers: &Timers,
    standing: &HashMap<Uuid, Date>,
    ids: &[Uuid],
    now: Timestamp,
    done: &mut Round,
) -> Result<(), StoreError> {
    let mut client = store.client().await?;
    let tx = client.transaction().await?;
    requests::lock(&tx, ids).await?;
    let facts = table::facts(&*tx, ids).await?;
    let open = table::open(&*tx, ids).await?;
    let mut all = Difference::default();
    for (id, facts) in facts {
        let outlook = outlook(timers, facts, standing.get(&id), now);
        let difference = Difference::of(id, &outlook, open.get(&id).map_or(&[], Vec::as_slice));
        all.make.extend(difference.make);
        all.close.extend(difference.close);
    }
    // Told in order of time, whatever order the map had.
    all.make.sort_unstable_by_key(|(id, reminder)| (reminder.due_at, *id, *reminder));
    table::close(&tx, &all.close, now).await?;
    let fresh = table::insert(&tx, &all.make, now).await?;
    let mut changes = Changes::default();
    tell(&mut changes, &fresh, now);
    changes.write(&tx).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    done.made += fresh.len() as u64;
    done.closed += all.close.len() as u64;
    Ok(())
}

/// The courts hear of theirs; what is overdue is also an event, once for each limit.
fn tell(changes: &mut Changes, fresh: &[(Uuid, Reminder)], now: Timestamp) {
    let mut overdue = HashSet::new();
    for (request_id, reminder) in fresh {
        let Reminder { kind, to, level, due_at } = *reminder;
        tracing::info!(%request_id, kind = kind.as_str(), to = to.as_str(), level = level.as_str(), %due_at, "reminder");
        if to == Addressee::Court {
            let notice = ReminderNotice { kind, level, due_at, basis: kind.basis() };
            changes.tell(*request_id, FeedbackBody::Reminder(notice));
        }
        if level == ReminderLevel::Overdue && overdue.insert((*request_id, kind, due_at)) {
            changes.event(NewEvent {
                at: now,
                kind: "overdue",
                request_id: Some(*request_id),
                detail: json!({ "timer": kind, "due_at": due_at, "basis": kind.basis() }),
            });
        }
    }
}
