//! Operators' decisions: jobs over a frozen list, worked off at a pace, each step one transaction, restart-safe.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use xiezhi_domain::Event;
use xiezhi_schemas::message::FeedbackBody;

use crate::{
    audit,
    health::Part,
    store::{
        Store, StoreError, outbox,
        requests::{self, Changes},
        undelivered::{self as table, Action, DeadLetter, Filter, Job, Status},
    },
    withdrawals::Wishes,
};

/// What an operator asks for: body of `POST /v1/undelivered/jobs`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// What is to be done.
    pub action: Action,
    /// Why, in words; at least five characters.
    #[schemars(length(min = 5, max = 500))]
    pub reason: String,
    /// Which dead letters; only open ones are taken.
    pub select: Select,
    /// Targets a second at the most.
    #[serde(default = "default_pace")]
    #[schemars(range(min = 1, max = 10_000))]
    pub pace_per_second: i32,
    /// Only shows what would be done.
    #[serde(default)]
    pub dry_run: bool,
}

fn default_pace() -> i32 {
    100
}

/// Which dead letters an order is about.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Select {
    /// These.
    DeadIds(Vec<i64>),
    /// All open ones that fit.
    Filter(Filter),
}

/// What an order would do or does.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Preview {
    /// The job; none in a dry run or when nothing is open.
    pub job_id: Option<Uuid>,
    /// Whether anything was changed.
    pub dry_run: bool,
    /// Open dead letters taken.
    pub total: usize,
    /// The first of them.
    pub targets: Vec<DeadLetter>,
}

/// Targets of one job at the most.
const MOST: i64 = 100_000;
/// Targets shown in a preview.
const SHOWN: usize = 100;
/// Targets worked off in one transaction at the most.
const STEP: i32 = 100;

/// Why an order was refused.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The order makes no sense.
    #[error("[HUB-4101] {0}")]
    Invalid(&'static str),
    /// Named dead letters do not exist.
    #[error("[HUB-4102] no dead letter has the number {0}; list them with `hub undelivered list`")]
    Unknown(i64),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OrderError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "HUB-4101",
            Self::Unknown(_) => "HUB-4102",
            Self::Store(error) => error.code(),
        }
    }
}

/// Freezes the list and makes the job, or only shows it.
///
/// # Errors
/// See [`OrderError`]; nothing is changed then.
pub async fn order(store: &Store, actor: &str, order: &Order) -> Result<Preview, OrderError> {
    if order.reason.trim().chars().count() < 5 {
        return Err(OrderError::Invalid("a decision needs a reason of at least five characters"));
    }
    if !(1..=10_000).contains(&order.pace_per_second) {
        return Err(OrderError::Invalid("the pace is 1 to 10000 targets a second"));
    }
    let mut client = store.client().await?;
    let targets = match &order.select {
        Select::DeadIds(ids) if ids.is_empty() => {
            return Err(OrderError::Invalid("no dead letter was named"));
        }
        Select::DeadIds(ids) => {
            let found = table::list(&client, &Filter::default(), Some(ids), 0, MOST).await?;
            if let Some(unknown) = ids.iter().find(|id| !found.iter().any(|d| d.dead_id == **id)) {
                return Err(OrderError::Unknown(*unknown));
            }
            found.into_iter().filter(|d| d.status == "open").collect()
        }
        Select::Filter(filter) => {
            let open = Filter { status: Some(Status::Open), ..filter.clone() };
            table::list(&client, &open, None, 0, MOST).await?
        }
    };
    let total = targets.len();
    let mut job_id = None;
    if !order.dry_run && total > 0 {
        let job = Job {
            job_id: Uuid::now_v7(),
            action: order.action,
            actor: actor.to_owned(),
            reason: order.reason.clone(),
            pace_per_second: order.pace_per_second,
        };
        let ids: Vec<i64> = targets.iter().map(|d| d.dead_id).collect();
        let tx = client.transaction().await.map_err(StoreError::from)?;
        table::insert_job(&tx, &job, &ids).await?;
        let action = format!("undelivered.{}", order.action.as_str());
        audit::record(&tx, actor, "operator", &action, &format!("job {} over {total}", job.job_id)).await?;
        tx.commit().await.map_err(StoreError::of_commit)?;
        job_id = Some(job.job_id);
    }
    Ok(Preview { job_id, dry_run: order.dry_run, total, targets: targets.into_iter().take(SHOWN).collect() })
}

/// How often new jobs are looked for.
const PERIOD: Duration = Duration::from_millis(250);

/// Works jobs off until cancelled; a job that was interrupted goes on where it stood.
///
/// # Errors
/// When the database fails.
pub async fn run(store: &Store, part: &Part, token: CancellationToken) -> Result<(), StoreError> {
    loop {
        let client = store.client().await?;
        let job = table::unfinished_job(&client).await?;
        drop(client);
        let pause = match job {
            None => PERIOD,
            Some(job) => {
                let started = Instant::now();
                let worked = step(store, &job).await?;
                let due = Duration::from_secs_f64(f64::from(worked) / f64::from(job.pace_per_second));
                due.saturating_sub(started.elapsed())
            }
        };
        part.up();
        tokio::select! {
            () = token.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Works off the next targets of a job; gives their number.
///
/// # Errors
/// When the database fails; the step is then undone as a whole or, after an unknown commit, recognised as done.
pub async fn step(store: &Store, job: &Job) -> Result<i32, StoreError> {
    let mut client = store.client().await?;
    let tx = client.transaction().await?;
    let targets = table::next_targets(&tx, job.job_id, i64::from(job.pace_per_second.min(STEP))).await?;
    let ids: Vec<Uuid> = targets.iter().map(|t| t.1).collect();
    let mut locked = requests::lock(&tx, &ids).await?;
    let dead_ids: Vec<i64> = targets.iter().map(|t| t.0).collect();
    let now = requests::clock(&tx).await?;
    let mut wishes = Wishes::of(&tx, &ids).await?;
    let mut changes = Changes::default();
    let mut finished = Vec::with_capacity(targets.len());
    let mut decided = Vec::new();
    let mut replayed = Vec::new();
    for (dead_id, request_id, attempt, open) in table::lock(&tx, &dead_ids).await? {
        let request = locked.get_mut(&request_id).expect("a dead letter's request exists");
        if !open {
            finished.push((dead_id, Some("somebody decided before".to_owned())));
            continue;
        }
        let event = match job.action {
            Action::Replay => Event::Replayed,
            Action::Close => Event::Closed,
        };
        if request.attempt != attempt {
            finished.push((dead_id, Some(format!("attempt {} is under way", request.attempt))));
            continue;
        }
        if let Err(illegal) = changes.transition(request, event, now, &job.actor, &job.reason) {
            finished.push((dead_id, Some(illegal.to_string())));
            continue;
        }
        decided.push(dead_id);
        finished.push((dead_id, None));
        match job.action {
            Action::Replay => {
                replayed.push(request_id);
                let attempt = u32::try_from(attempt + 1).unwrap_or(u32::MAX);
                changes.tell(request_id, FeedbackBody::Replayed { attempt });
            }
            Action::Close => changes.tell(request_id, FeedbackBody::Closed { reason: job.reason.clone() }),
        }
        wishes.follow(&mut changes, request, event, now);
    }
    let status = match job.action {
        Action::Replay => Status::Replayed,
        Action::Close => Status::Closed,
    };
    table::decide(&tx, &decided, status, &job.actor, now, &job.reason).await?;
    if !replayed.is_empty() {
        table::next_attempt(&tx, &replayed).await?;
        outbox::send_again(&tx, "replay", &replayed).await?;
    }
    table::finish_targets(&tx, job.job_id, &finished).await?;
    let done = table::finish_job(&tx, job.job_id).await?;
    wishes.write(&tx).await?;
    changes.write(&tx).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    tracing::info!(job = %job.job_id, action = job.action.as_str(), decided = decided.len(), done, "undelivered job");
    Ok(i32::try_from(finished.len()).unwrap_or(i32::MAX))
}
