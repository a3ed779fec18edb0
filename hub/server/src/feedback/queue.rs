//! Publishes each court's events to its queue on the broker: in order of `seq`, at least once.
//!
//! Only committed rows are read, and a stream has no gaps, so nothing leaves early and nothing is left out. A court's next
//! event is published when the one before it is confirmed, never beside it: a queue that was full for a moment would
//! otherwise hold 18 before 17. Courts do not wait for each other's turn: one event of each goes into every batch. How far a
//! court has come is written down once for its whole page, so a hub that dies repeats at most that page; the message id
//! (`<court>:<seq>`) and `seq` in the body tell the court what it has already.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::future::try_join_all;
use tokio::sync::Notify;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;
use xiezhi_schemas::{
    address::{CourtName, FEEDBACK},
    message::{Feedback, header},
};

use crate::{
    bus::{BusError, Outgoing, Patience, Publisher, Settled},
    config::BrokerSettings,
    failpoint,
    http::metrics::Metrics,
    store::{
        Dedicated, Sole, Store, StoreError, feedback,
        feedback_queues::{self, Behind},
        ring,
    },
};

/// Events of one court between two marks of its place; this many may come twice after a crash.
const PAGE: i64 = 100;
/// Courts served in one round.
const AT_ONCE: i64 = 64;
/// How often the streams are looked at if no notification comes.
const PERIOD: Duration = Duration::from_secs(1);

/// Why publishing stopped. The streams stay; the supervisor starts it again.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The broker broke off.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The connection that holds the lock is gone.
    #[error(
        "[HUB-5015] the publisher of feedback lost its database session and with it the right to publish; another hub may \
         go on"
    )]
    LockLost,
}

/// Runs until cancelled or until something breaks. One hub publishes at a time; the others stand by.
///
/// # Errors
/// See [`QueueError`].
pub async fn run(
    broker: &BrokerSettings,
    store: &Store,
    metrics: &Arc<Metrics>,
    token: CancellationToken,
) -> Result<(), QueueError> {
    let Dedicated { client, messages } = store.dedicated().await?;
    let wake = Notify::new();
    tokio::select! {
        () = ring(messages, &wake) => Err(QueueError::LockLost),
        () = token.cancelled() => Ok(()),
        done = work(&client, broker, metrics, &wake) => done,
    }
}

async fn work(
    client: &Client,
    broker: &BrokerSettings,
    metrics: &Metrics,
    wake: &Notify,
) -> Result<(), QueueError> {
    let setup = "SET ROLE xiezhi_app; SET statement_timeout = '30s'";
    client.batch_execute(setup).await.map_err(StoreError::from)?;
    Sole::FEEDBACK.wait(client, PERIOD, || tracing::info!("another hub publishes feedback")).await?;
    let listen = format!("LISTEN {}", feedback::CHANNEL);
    client.batch_execute(&listen).await.map_err(StoreError::from)?;
    let mut rounds = Rounds { client, broker, metrics, publisher: None, patience: Patience::default() };
    loop {
        if !rounds.one().await? {
            tokio::select! {
                () = wake.notified() => {}
                () = tokio::time::sleep(PERIOD) => {}
            }
        }
    }
}

struct Rounds<'a> {
    client: &'a Client,
    broker: &'a BrokerSettings,
    metrics: &'a Metrics,
    /// Opened when there is something to publish: most hubs have no court with a queue.
    publisher: Option<Publisher>,
    patience: Patience<CourtName>,
}

/// One court's turn in a round.
struct Turn {
    from: Behind,
    reached: i64,
    waiting: VecDeque<Feedback>,
}

impl Rounds<'_> {
    /// Publishes a page of every court that is behind; false when nothing could be published.
    async fn one(&mut self) -> Result<bool, QueueError> {
        let mut turns = self.turns().await?;
        let mut refused = Vec::new();
        loop {
            let next: Vec<usize> = (0..turns.len()).filter(|at| !turns[*at].waiting.is_empty()).collect();
            if next.is_empty() {
                break;
            }
            let batch = next.iter().filter_map(|at| turns[*at].next()).collect();
            let settled = self.publish(batch).await?;
            for (at, settled) in next.into_iter().zip(settled) {
                let turn = &mut turns[at];
                let court = &turn.from.court;
                match settled {
                    Settled::Confirmed => {
                        self.patience.taken(court);
                        turn.reached += 1;
                        turn.waiting.pop_front();
                    }
                    other => {
                        let why = why(&other);
                        tracing::warn!(%court, seq = turn.reached + 1, why, "feedback not published; tried again");
                        self.patience.refused(court.clone());
                        refused.push((court.clone(), why));
                        turn.waiting.clear();
                    }
                }
            }
        }
        let reached: Vec<_> = turns
            .iter()
            .filter(|turn| turn.reached > turn.from.published_seq)
            .map(|turn| (&turn.from, turn.reached))
            .collect();
        let events = turns.iter().map(|turn| (turn.reached - turn.from.published_seq).unsigned_abs()).sum();
        if !reached.is_empty() {
            feedback_queues::advance(self.client, &reached).await?;
            self.metrics.add("feedback_queue_events_total", events);
            failpoint::hit("after_feedback_mark");
        }
        if !refused.is_empty() {
            feedback_queues::fail(self.client, &refused).await?;
            self.metrics.add("feedback_queue_refused_total", refused.len() as u64);
        }
        Ok(events > 0)
    }

    async fn turns(&self) -> Result<Vec<Turn>, StoreError> {
        let except: Vec<&str> = self.patience.waiting().map(CourtName::as_str).collect();
        let behind = feedback_queues::behind(self.client, &except, AT_ONCE).await?;
        try_join_all(behind.into_iter().map(async |from| {
            let events = feedback::page(self.client, from.court.as_str(), from.published_seq, PAGE).await?;
            Ok(Turn { reached: from.published_seq, from, waiting: events.into() })
        }))
        .await
    }

    async fn publish(&mut self, batch: Vec<Outgoing>) -> Result<Vec<Settled>, QueueError> {
        let publisher = match self.publisher.take().filter(Publisher::is_open) {
            Some(publisher) => publisher,
            None => {
                let confirm_timeout = Duration::from_millis(self.broker.publish_timeout_ms);
                Publisher::open(&self.broker.url, "feedback", confirm_timeout).await?
            }
        };
        failpoint::hit("before_feedback_publish");
        let (publisher, settled) = publisher.publish(batch).await?;
        failpoint::hit("after_feedback_publish");
        self.publisher = Some(publisher);
        Ok(settled)
    }
}

impl Turn {
    fn next(&self) -> Option<Outgoing> {
        let event = self.waiting.front()?;
        let court = &self.from.court;
        Some(Outgoing {
            exchange: FEEDBACK.to_owned(),
            routing_key: court.as_str().to_owned(),
            message_id: court.feedback_message_id(event.seq),
            headers: vec![
                (header::SENDER, court.as_str().to_owned()),
                (header::REQUEST_ID, event.request_id.to_string()),
            ],
            attempt: None,
            body: serde_json::to_vec(event).expect("an event came out of JSON"),
        })
    }
}

fn why(settled: &Settled) -> String {
    match settled {
        Settled::Returned { reason } => {
            format!("HUB-2126 there is no such queue ({reason}); run `hub topology apply`")
        }
        _ => "HUB-2127 the queue is full; the court does not read it".to_owned(),
    }
}
