//! Tables `dead_letter`, `undelivered_job` and `undelivered_target`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_postgres::{Client, Row};
use uuid::Uuid;
use xiezhi_schemas::{
    address::{ProvinceCode, RegistryCode, Tier},
    message::UndeliveredCause,
};

use super::{StoreError, Transaction, decode};

/// An undelivered attempt (未送达), as operators see it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DeadLetter {
    /// Number.
    pub dead_id: i64,
    /// Request.
    pub request_id: Uuid,
    /// Message.
    pub message_id: Uuid,
    /// Attempt that failed.
    pub attempt: i32,
    /// Registry that did not get it.
    pub registry: String,
    /// Where the road ended.
    pub tier: String,
    /// Dead-letter queue that holds the message.
    pub queue: String,
    /// Why.
    pub cause: String,
    /// Stable code of the cause.
    pub code: String,
    /// When the hub learned of it.
    pub first_at: Timestamp,
    /// `open`, `replayed` or `closed`.
    pub status: String,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
    /// Exchange of the original route.
    pub exchange: String,
    /// Routing key of the original route.
    pub routing_key: String,
    /// When the held message was taken out of the dead-letter queue.
    pub released_at: Option<Timestamp>,
}

impl DeadLetter {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            dead_id: row.try_get("dead_id")?,
            request_id: row.try_get("request_id")?,
            message_id: row.try_get("message_id")?,
            attempt: row.try_get("attempt")?,
            registry: row.try_get("registry")?,
            tier: row.try_get("tier")?,
            queue: row.try_get("queue")?,
            cause: row.try_get("cause")?,
            code: row.try_get("code")?,
            first_at: row.try_get("first_at")?,
            status: row.try_get("status")?,
            decided_by: row.try_get("decided_by")?,
            decided_at: row.try_get("decided_at")?,
            reason: row.try_get("reason")?,
            exchange: row.try_get("exchange")?,
            routing_key: row.try_get("routing_key")?,
            released_at: row.try_get("released_at")?,
        })
    }
}

/// Which dead letters.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// `open`, `replayed` or `closed`.
    pub status: Option<Status>,
    /// Of one province.
    pub province: Option<ProvinceCode>,
    /// Of one registry.
    pub registry: Option<RegistryCode>,
    /// With this cause.
    pub cause: Option<UndeliveredCause>,
    /// Of one request.
    pub request_id: Option<Uuid>,
}

/// What became of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody decided yet.
    Open,
    /// Sent again.
    Replayed,
    /// Given up, or recognised as delivered.
    Closed,
}

impl Status {
    /// The word in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Replayed => "replayed",
            Self::Closed => "closed",
        }
    }
}

/// Dead letters after number `after` that fit, oldest first. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn list(
    client: &Client,
    filter: &Filter,
    only: Option<&[i64]>,
    after: i64,
    limit: i64,
) -> Result<Vec<DeadLetter>, StoreError> {
    let rows = client
        .query(
            include_str!("queries/dead_letter/list.sql"),
            &[
                &filter.status.map(Status::as_str),
                &filter.province.as_ref().map(ProvinceCode::as_str),
                &filter.registry.as_ref().map(RegistryCode::as_str),
                &filter.cause.map(cause_word),
                &filter.request_id,
                &only,
                &after,
                &limit,
            ],
        )
        .await?;
    rows.iter().map(DeadLetter::read).collect()
}

/// The word of a cause in SQL and JSON.
pub fn cause_word(cause: UndeliveredCause) -> &'static str {
    match cause {
        UndeliveredCause::Expired => "expired",
        UndeliveredCause::Unroutable => "unroutable",
        UndeliveredCause::Parked => "parked",
        UndeliveredCause::DeliveryLimit => "delivery_limit",
        UndeliveredCause::QueueFull => "queue_full",
    }
}

/// A dead letter to be recorded.
#[derive(Debug)]
pub struct NewDeadLetter<'a> {
    /// Message.
    pub message_id: Uuid,
    /// Request.
    pub request_id: Uuid,
    /// Attempt.
    pub attempt: i32,
    /// Registry.
    pub registry: &'a RegistryCode,
    /// Where the road ended.
    pub tier: &'a Tier,
    /// Why.
    pub cause: UndeliveredCause,
    /// Original exchange.
    pub exchange: &'a str,
    /// Original routing key.
    pub routing_key: &'a str,
    /// Now.
    pub first_at: Timestamp,
    /// Open; or closed at once, with the hub's reason, because nothing is left to decide.
    pub closed_because: Option<&'a str>,
}

/// Records a dead letter; `false` when this attempt is recorded already.
///
/// # Errors
/// When the statement fails.
pub async fn insert(tx: &Transaction<'_>, new: &NewDeadLetter<'_>) -> Result<bool, StoreError> {
    let status = if new.closed_because.is_some() { Status::Closed } else { Status::Open };
    let by_hub = new.closed_because.map(|_| "hub");
    let inserted = tx
        .execute(
            include_str!("queries/dead_letter/insert.sql"),
            &[
                &new.message_id,
                &new.request_id,
                &new.attempt,
                &new.registry.as_str(),
                &new.tier.to_string(),
                &new.tier.held_queue(),
                &cause_word(new.cause),
                &new.cause.code(),
                &new.exchange,
                &new.routing_key,
                &new.first_at,
                &status.as_str(),
                &by_hub,
                &new.closed_because,
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// Notes that one more copy of an attempt lies in a dead-letter queue. When the attempt is decided, the next sweep takes
/// it out; otherwise it waits for the decision with the first.
///
/// # Errors
/// When the statement fails.
pub async fn release_again(
    tx: &Transaction<'_>,
    message_id: Uuid,
    attempt: i32,
    tier: &Tier,
) -> Result<(), StoreError> {
    let sql = include_str!("queries/dead_letter/release_again.sql");
    tx.execute(sql, &[&message_id, &attempt, &tier.held_queue()]).await?;
    Ok(())
}

/// Locks dead letters; gives number, request, attempt and whether it is open.
///
/// # Errors
/// When the statement fails.
pub async fn lock(tx: &Transaction<'_>, dead_ids: &[i64]) -> Result<Vec<(i64, Uuid, i32, bool)>, StoreError> {
    let rows = tx.query(include_str!("queries/dead_letter/lock_open.sql"), &[&dead_ids]).await?;
    rows.iter()
        .map(|row| {
            let status: String = row.try_get("status")?;
            Ok((
                row.try_get("dead_id")?,
                row.try_get("request_id")?,
                row.try_get("attempt")?,
                status == "open",
            ))
        })
        .collect()
}

/// Writes down a decision.
///
/// # Errors
/// When the statement fails.
pub async fn decide(
    tx: &Transaction<'_>,
    dead_ids: &[i64],
    status: Status,
    by: &str,
    at: Timestamp,
    reason: &str,
) -> Result<(), StoreError> {
    tx.execute(
        include_str!("queries/dead_letter/decide.sql"),
        &[&dead_ids, &status.as_str(), &by, &at, &reason],
    )
    .await?;
    Ok(())
}

/// A decided dead letter whose message is still held in its dead-letter queue.
#[derive(Debug)]
pub struct Unreleased {
    /// Queue.
    pub queue: String,
    /// Number.
    pub dead_id: i64,
    /// Message.
    pub message_id: Uuid,
    /// Attempt.
    pub attempt: i32,
}

/// All of them, by queue. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn unreleased(client: &Client) -> Result<Vec<Unreleased>, StoreError> {
    let rows = client.query(include_str!("queries/dead_letter/unreleased.sql"), &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Unreleased {
                queue: row.try_get("queue")?,
                dead_id: row.try_get("dead_id")?,
                message_id: row.try_get("message_id")?,
                attempt: row.try_get("attempt")?,
            })
        })
        .collect()
}

/// Notes that held messages were taken out.
///
/// # Errors
/// When the statement fails; the next sweep does not find them and notes it then.
pub async fn release(client: &Client, dead_ids: &[i64]) -> Result<(), StoreError> {
    client.execute(include_str!("queries/dead_letter/release.sql"), &[&dead_ids]).await?;
    Ok(())
}

/// What an operator decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Send again: new attempt, same request id.
    Replay,
    /// Give up; final. The court must send anew.
    Close,
}

impl Action {
    /// The word in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Close => "close",
        }
    }
}

/// A decision over a frozen list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Job {
    /// Id.
    pub job_id: Uuid,
    /// What is done.
    pub action: Action,
    /// Who decided.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Targets a second at the most.
    pub pace_per_second: i32,
}

impl Job {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let action: String = row.try_get("action")?;
        Ok(Self {
            job_id: row.try_get("job_id")?,
            action: match action.as_str() {
                "replay" => Action::Replay,
                "close" => Action::Close,
                _ => return Err(decode("undelivered_job.action", action)),
            },
            actor: row.try_get("actor")?,
            reason: row.try_get("reason")?,
            pace_per_second: row.try_get("pace_per_second")?,
        })
    }
}

/// How far a job is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct JobProgress {
    /// The job.
    #[serde(flatten)]
    pub job: Job,
    /// Targets in all.
    pub total: i64,
    /// Done.
    pub done: i64,
    /// Skipped, because somebody else decided before or the request moved on.
    pub skipped: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the last target was worked off.
    pub finished_at: Option<Timestamp>,
}

/// Makes a job over these dead letters, in lane order; the list never changes afterwards.
///
/// # Errors
/// When a statement fails.
pub async fn insert_job(tx: &Transaction<'_>, job: &Job, dead_ids: &[i64]) -> Result<(), StoreError> {
    let Job { job_id, action, actor, reason, pace_per_second } = job;
    tx.execute(
        include_str!("queries/undelivered_job/insert.sql"),
        &[job_id, &action.as_str(), actor, reason, pace_per_second],
    )
    .await?;
    tx.execute(include_str!("queries/undelivered_target/insert.sql"), &[job_id, &dead_ids]).await?;
    Ok(())
}

/// The oldest job that is not finished.
///
/// # Errors
/// When the statement fails.
pub async fn unfinished_job(client: &Client) -> Result<Option<Job>, StoreError> {
    let row = client.query_opt(include_str!("queries/undelivered_job/unfinished.sql"), &[]).await?;
    row.as_ref().map(Job::read).transpose()
}

/// How far a job is; none when it does not exist.
///
/// # Errors
/// When the statement fails.
pub async fn job_progress(client: &Client, job_id: Uuid) -> Result<Option<JobProgress>, StoreError> {
    let Some(row) = client.query_opt(include_str!("queries/undelivered_job/show.sql"), &[&job_id]).await?
    else {
        return Ok(None);
    };
    Ok(Some(JobProgress {
        job: Job::read(&row)?,
        total: row.try_get("total")?,
        done: row.try_get("done")?,
        skipped: row.try_get("skipped")?,
        created_at: row.try_get("created_at")?,
        finished_at: row.try_get("finished_at")?,
    }))
}

/// The next targets of a job: dead letter and request.
///
/// # Errors
/// When the statement fails.
pub async fn next_targets(
    tx: &Transaction<'_>,
    job_id: Uuid,
    limit: i64,
) -> Result<Vec<(i64, Uuid)>, StoreError> {
    let rows = tx.query(include_str!("queries/undelivered_target/next.sql"), &[&job_id, &limit]).await?;
    rows.iter().map(|row| Ok((row.try_get("dead_id")?, row.try_get("request_id")?))).collect()
}

/// Notes what was done with targets: dead letter, `done` or `skipped`, and why it was skipped.
///
/// # Errors
/// When the statement fails.
pub async fn finish_targets(
    tx: &Transaction<'_>,
    job_id: Uuid,
    finished: &[(i64, Option<String>)],
) -> Result<(), StoreError> {
    let ids: Vec<i64> = finished.iter().map(|f| f.0).collect();
    let outcomes: Vec<&str> =
        finished.iter().map(|f| if f.1.is_some() { "skipped" } else { "done" }).collect();
    let notes: Vec<Option<&str>> = finished.iter().map(|f| f.1.as_deref()).collect();
    tx.execute(include_str!("queries/undelivered_target/finish.sql"), &[&job_id, &ids, &outcomes, &notes])
        .await?;
    Ok(())
}

/// Marks a job as finished if no target is left.
///
/// # Errors
/// When the statement fails.
pub async fn finish_job(tx: &Transaction<'_>, job_id: Uuid) -> Result<bool, StoreError> {
    Ok(tx.execute(include_str!("queries/undelivered_job/finish.sql"), &[&job_id]).await? == 1)
}

/// Gives these requests their next attempt number.
///
/// # Errors
/// When the statement fails.
pub async fn next_attempt(tx: &Transaction<'_>, requests: &[Uuid]) -> Result<(), StoreError> {
    tx.execute(include_str!("queries/request/next_attempt.sql"), &[&requests]).await?;
    Ok(())
}
