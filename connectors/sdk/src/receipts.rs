//! Asks the ledger for receipts (送达). Those that are ready together travel in one message; each delivery waits for its
//! own verdict, and nobody acknowledges before it.

use std::{collections::VecDeque, time::Duration};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tracing::{Instrument, Span};
use xiezhi_schemas::{
    address::Upward,
    message::{Answers, Receipt, ReceiptAnswer, Receipts, ReceiptsMessage, Verdict},
};

use crate::{
    backoff::Backoff,
    bus::{AskError, Asker, chain},
    code::Code,
    config::ReceiptPace,
    telemetry,
};

/// Messages under way at once; the ledger answers in the order of its batches, so more would only wait there.
const MOST_UNDER_WAY: usize = 8;

/// The longest wait between two questions for the same receipt. While the hub is down its queue keeps every question, so they must
/// not be asked too often.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

struct Wish {
    receipt: Receipt,
    verdict: oneshot::Sender<Verdict>,
    span: Span,
    /// Questions without an answer so far.
    asked: u32,
    /// Whether it must travel alone: the hub could not read a message that held it.
    alone: bool,
}

/// The desk where deliveries ask for their receipts.
#[derive(Clone)]
pub(crate) struct Desk(mpsc::Sender<Wish>);

impl Desk {
    /// Asks for one receipt and waits for the verdict, however long it takes. `None` when the connection ended first.
    pub(crate) async fn ask(&self, receipt: Receipt) -> Option<Verdict> {
        let (verdict, answer) = oneshot::channel();
        self.0.send(Wish { receipt, verdict, span: Span::current(), asked: 0, alone: false }).await.ok()?;
        answer.await.ok()
    }
}

/// What became of one message.
enum Answered {
    All,
    Again(Vec<Wish>, Duration),
}

/// Collects wishes and asks; ends when all desks are gone.
pub(crate) struct Clerk {
    name: String,
    pace: ReceiptPace,
    asker: Asker,
    wishes: mpsc::Receiver<Wish>,
}

/// A desk and the clerk behind it.
pub(crate) fn open(name: String, pace: ReceiptPace, asker: Asker) -> (Desk, Clerk) {
    let (sender, wishes) = mpsc::channel(1024);
    (Desk(sender), Clerk { name, pace, asker, wishes })
}

impl Clerk {
    /// Works until the desks are gone.
    pub(crate) async fn run(mut self) {
        let mut ready: VecDeque<Wish> = VecDeque::new();
        let mut under_way: FuturesUnordered<BoxFuture<'static, Answered>> = FuturesUnordered::new();
        let mut waiting: FuturesUnordered<BoxFuture<'static, Vec<Wish>>> = FuturesUnordered::new();
        let mut linger_until: Option<Instant> = None;
        loop {
            let full = ready.len() >= self.pace.batch;
            let lingered = linger_until.is_none_or(|until| until <= Instant::now());
            if !ready.is_empty()
                && under_way.len() < MOST_UNDER_WAY
                && (full || under_way.is_empty() || lingered)
            {
                let batch = next_batch(&mut ready, self.pace.batch);
                under_way.push(
                    ask(self.asker.clone(), self.name.clone(), self.pace.answer_timeout, batch).boxed(),
                );
                linger_until = None;
                continue;
            }
            let linger = linger_until.filter(|_| under_way.len() < MOST_UNDER_WAY);
            tokio::select! {
                wish = self.wishes.recv() => {
                    let Some(wish) = wish else { return };
                    if ready.is_empty() {
                        linger_until = Some(Instant::now() + self.pace.linger);
                    }
                    ready.push_back(wish);
                    while ready.len() < self.pace.batch && let Ok(wish) = self.wishes.try_recv() {
                        ready.push_back(wish);
                    }
                }
                Some(answered) = under_way.next() => if let Answered::Again(wishes, after) = answered {
                    waiting.push(async move { tokio::time::sleep(after).await; wishes }.boxed());
                },
                Some(wishes) = waiting.next() => {
                    // A wish whose delivery is gone needs no receipt from here; the broker delivers it again.
                    ready.extend(wishes.into_iter().filter(|wish| !wish.verdict.is_closed()));
                }
                () = tokio::time::sleep_until(linger.unwrap_or_else(Instant::now)), if linger.is_some() => {}
            }
        }
    }
}

/// The next wishes that travel together.
fn next_batch(ready: &mut VecDeque<Wish>, most: usize) -> Vec<Wish> {
    let size = match ready.iter().position(|wish| wish.alone) {
        Some(0) => 1,
        Some(before) => before.min(most),
        None => ready.len().min(most),
    };
    ready.drain(..size).collect()
}

/// One message to the ledger.
async fn ask(asker: Asker, connector: String, timeout: Duration, mut batch: Vec<Wish>) -> Answered {
    let span = tracing::info_span!("receipts", count = batch.len(), otel.kind = "producer");
    for wish in &batch {
        telemetry::link(&span, &wish.span);
    }
    let Some(first) = batch.first() else { return Answered::All };
    let routing_key = Upward::Receipt.routing_key(&first.receipt.registry);
    let items = batch.iter().map(|wish| wish.receipt.clone()).collect();
    let message = ReceiptsMessage::V1(Receipts { connector, items });
    let body = serde_json::to_vec(&message).expect("a receipt is plain data and always has a JSON form");
    match asker.ask(&routing_key, &body, timeout).instrument(span).await {
        Ok(Answers::Receipts { answers }) => hand_out(batch, answers),
        Ok(Answers::Unread { code, message }) => {
            tracing::error!(
                code = %Code::Unread, hub_code = code, detail = message, count = batch.len(),
                "the hub could not read receipts; they stay unacknowledged and are asked for again one by one"
            );
            // One of them may have spoilt it for all.
            let after = if batch.len() > 1 { Duration::ZERO } else { LONGEST_WAIT };
            batch.iter_mut().for_each(|wish| wish.alone = true);
            Answered::Again(batch, after)
        }
        Ok(Answers::Outcome(_) | Answers::LocalReceipt(_)) => {
            tracing::error!(
                code = %Code::Unread,
                "the hub answered receipts as if they were a result; asking again"
            );
            Answered::Again(batch, LONGEST_WAIT)
        }
        Err(error @ AskError::Silent(_)) => {
            tracing::warn!(
                code = %Code::LedgerSilent, error = chain(&error), count = batch.len(),
                "the ledger has not answered; the same receipts are asked for again"
            );
            let asked = batch.iter().map(|wish| wish.asked).max().unwrap_or(0);
            batch.iter_mut().for_each(|wish| wish.asked += 1);
            Answered::Again(
                batch,
                timeout.saturating_mul(1 << asked.min(8)).min(LONGEST_WAIT) - timeout.min(LONGEST_WAIT),
            )
        }
        Err(error @ AskError::Gone(_)) => {
            tracing::debug!(error = chain(&error), "receipts go with the next connection");
            Answered::Again(batch, LONGEST_WAIT)
        }
    }
}

/// Gives each delivery its verdict; those the hub said nothing about are asked for again.
fn hand_out(batch: Vec<Wish>, answers: Vec<ReceiptAnswer>) -> Answered {
    let verdicts: std::collections::HashMap<_, _> =
        answers.into_iter().map(|answer| (answer.request_id, answer.verdict)).collect();
    let mut left = Vec::new();
    for wish in batch {
        match verdicts.get(&wish.receipt.request_id).cloned() {
            Some(verdict) => {
                if wish.verdict.send(verdict).is_err() {
                    tracing::debug!("a verdict came for a delivery that is no longer in hand");
                }
            }
            None => left.push(wish),
        }
    }
    if left.is_empty() {
        return Answered::All;
    }
    tracing::warn!(
        code = %Code::Unread, count = left.len(),
        "the ledger answered fewer receipts than it was asked for"
    );
    Answered::Again(left, Duration::from_secs(1))
}

/// Waits between questions after `Later`: as long as the ledger says, within reason, and longer each time.
pub(crate) fn later() -> Backoff {
    Backoff::new(Duration::from_millis(200), LONGEST_WAIT)
}
