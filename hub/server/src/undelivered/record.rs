//! Records what the broker dead-lettered or could not route.

use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use xiezhi_domain::{Event, State};
use xiezhi_schemas::{
    address::Tier,
    message::{FeedbackBody, UndeliveredCause, UndeliveredNotice, header},
};

use crate::{
    bus::{BusError, Consumer, Incoming},
    failpoint,
    store::{
        SecretUrl, Store, StoreError, parked,
        requests::{self, Changes, NewEvent},
        undelivered::{self as table, NewDeadLetter},
    },
    upward::Error,
};

/// Messages in hand at the most.
const PREFETCH: u16 = 64;

/// Subscribes to the recorded queue of `tier`.
///
/// # Errors
/// When the broker does not let us.
pub async fn open(broker: &SecretUrl, tier: &Tier) -> Result<Consumer, BusError> {
    Consumer::open(broker, &tier.recorded_queue(), PREFETCH).await
}

/// Records what `consumer` brings until cancelled.
///
/// # Errors
/// When broker or database break off; whatever was not recorded comes again.
pub async fn run(
    mut consumer: Consumer,
    store: &Store,
    tier: &Tier,
    token: CancellationToken,
) -> Result<(), Error> {
    let queue = tier.recorded_queue();
    loop {
        let batch = tokio::select! {
            biased;
            () = token.cancelled() => return Ok(()),
            batch = consumer.next(usize::from(PREFETCH), Duration::ZERO) => batch?,
        };
        for incoming in &batch {
            match read(incoming) {
                Some(dead) => record(store, tier, incoming, &dead).await?,
                None => {
                    let reason = "a dead letter without message id and request id";
                    tracing::warn!(queue, code = "HUB-3101", reason, "message parked");
                    parked::keep(&store.client().await?, &queue, incoming, "HUB-3101", reason).await?;
                }
            }
        }
        if let Some(last) = batch.last() {
            consumer.ack_through(last).await?;
        }
    }
}

/// What a dead letter says of itself.
struct Dead {
    message_id: Uuid,
    request_id: Uuid,
    attempt: i32,
    cause: UndeliveredCause,
}

fn read(incoming: &Incoming) -> Option<Dead> {
    Some(Dead {
        message_id: incoming.message_id()?.parse().ok()?,
        request_id: incoming.text_header(header::REQUEST_ID)?.parse().ok()?,
        attempt: i32::try_from(incoming.number_header(header::ATTEMPT)?).ok()?,
        cause: match incoming.death_reason().as_deref() {
            None => UndeliveredCause::Unroutable,
            Some("expired") => UndeliveredCause::Expired,
            Some("delivery_limit") => UndeliveredCause::DeliveryLimit,
            Some("maxlen") => UndeliveredCause::QueueFull,
            Some(_) => UndeliveredCause::Parked,
        },
    })
}

async fn record(store: &Store, tier: &Tier, incoming: &Incoming, dead: &Dead) -> Result<(), Error> {
    let mut client = store.road().await?;
    let tx = client.transaction().await.map_err(StoreError::from)?;
    let mut locked = requests::lock(&tx, &[dead.request_id]).await?;
    let Some(request) = locked.get_mut(&dead.request_id).filter(|r| r.message_id == dead.message_id) else {
        tx.rollback().await.map_err(StoreError::from)?;
        let reason = format!("no request {} with message {}", dead.request_id, dead.message_id);
        tracing::warn!(%tier, code = "HUB-3004", reason, "message parked");
        parked::keep(&client, &tier.recorded_queue(), incoming, "HUB-3004", &reason).await?;
        return Ok(());
    };
    let now = requests::clock(&tx).await?;
    let undelivered = request.state == State::InFlight && request.attempt == dead.attempt;
    // A copy that came back after its receipt, an older attempt, or a request that is decided: nothing is left to decide.
    let closed_because = (!undelivered).then_some(match request.state {
        State::Delivered | State::Registered => "it was delivered before this copy died",
        State::InFlight | State::Undelivered => "a copy of an attempt that was recorded before",
        _ => "the request was decided before this copy died",
    });
    let first = table::insert(
        &tx,
        &NewDeadLetter {
            message_id: dead.message_id,
            request_id: dead.request_id,
            attempt: dead.attempt,
            registry: &request.registry,
            tier,
            cause: dead.cause,
            exchange: incoming.exchange(),
            routing_key: incoming.routing_key(),
            first_at: now,
            closed_because,
        },
    )
    .await?;
    if first {
        let mut changes = Changes::default();
        if undelivered {
            let cause = table::cause_word(dead.cause);
            changes
                .transition(request, Event::DeadLettered, now, "broker", cause)
                .expect("what is in flight may be dead-lettered");
            changes.event(NewEvent {
                at: now,
                kind: "parked",
                request_id: Some(dead.request_id),
                detail: json!({ "cause": cause, "tier": tier, "attempt": dead.attempt }),
            });
            let notice = UndeliveredNotice {
                cause: dead.cause,
                code: dead.cause.code().to_owned(),
                tier: tier.clone(),
                attempt: u32::try_from(dead.attempt).unwrap_or(1),
            };
            tracing::warn!(request_id = %dead.request_id, code = notice.code, %tier, "undelivered");
            changes.tell(dead.request_id, FeedbackBody::Undelivered(notice));
        } else {
            changes.event(NewEvent {
                at: now,
                kind: "duplicate_seen",
                request_id: Some(dead.request_id),
                detail: json!({ "why": closed_because, "attempt": dead.attempt, "tier": tier }),
            });
        }
        changes.write(&tx).await?;
    } else {
        table::release_again(&tx, dead.message_id, dead.attempt, tier).await?;
    }
    failpoint::hit("before_mark_dead");
    tx.commit().await.map_err(StoreError::of_commit)?;
    Ok(())
}
