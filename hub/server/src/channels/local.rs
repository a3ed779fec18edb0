//! Takes reports of point-to-point receipts (点对点) from the broker: the same checklist, the same ledger, the same order; the
//! instant is the one of the local system's record, within the published bound.

mod judge;

use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use xiezhi_schemas::{
    address::Upward,
    message::{Answers, LocalReceipt, LocalReceiptAnswer, LocalReceiptMessage},
};

use super::Desk;
use crate::{
    health::Part,
    store::{SecretUrl, Store, StoreError},
    upward::{self, Handler, Origin, Unreadable},
};

pub use judge::record;

/// Reports taken from the queue at once at the most; each is a transaction of its own.
const BATCH: usize = 16;

/// How long to wait for more.
const LINGER: Duration = Duration::from_millis(2);

/// Longest number, the same as in the published schema.
const LONGEST_NUMBER: usize = 64;

/// Consumes reports until cancelled.
///
/// # Errors
/// When broker or database break off; whatever was not answered comes again.
pub async fn run(
    broker: &SecretUrl,
    store: &Store,
    desk: &Desk,
    part: &Part,
    token: CancellationToken,
) -> Result<(), upward::Error> {
    Box::pin(upward::run(broker, store, &Receiver { store, desk }, part, token)).await
}

struct Receiver<'a> {
    store: &'a Store,
    desk: &'a Desk,
}

impl Handler for Receiver<'_> {
    type Message = LocalReceipt<Value>;

    fn what(&self) -> Upward {
        Upward::LocalReceipt
    }

    fn batch(&self) -> (usize, Duration) {
        (BATCH, LINGER)
    }

    fn read(&self, body: &[u8], origin: &Origin<'_>) -> Result<Self::Message, Unreadable> {
        let receipt = upward::parse::<LocalReceiptMessage<Value>>(body)?.into_receipt();
        origin.may_speak_for(&receipt.registry)?;
        let number = &receipt.local.number;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let begins = number.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        if !begins || !number.bytes().all(plain) || number.len() > LONGEST_NUMBER {
            let reason =
                "a local number has 1 to 64 letters, digits, dots, dashes and underscores".to_owned();
            return Err(Unreadable { code: "HUB-3101", reason });
        }
        Ok(receipt)
    }

    async fn handle(&self, messages: Vec<Self::Message>) -> Result<Vec<Answers>, StoreError> {
        let mut answers = Vec::with_capacity(messages.len());
        for message in messages {
            let verdict = record(self.store, self.desk, &message).await?;
            let (registry, number) = (message.registry, message.local.number);
            answers.push(Answers::LocalReceipt(LocalReceiptAnswer { registry, number, verdict }));
        }
        Ok(answers)
    }
}
