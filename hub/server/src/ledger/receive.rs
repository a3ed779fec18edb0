//! Takes receipt messages from the broker, has them stamped, answers, and only then acknowledges.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info_span};
use xiezhi_schemas::{
    address::Upward,
    message::{Answers, ReceiptAnswer, ReceiptsMessage, Verdict},
};

use super::stamp::{Report, Stamper};
use crate::{
    config::LedgerSettings,
    health::Part,
    register::WaitingRules,
    store::{SecretUrl, Store, StoreError},
    upward::{self, Handler, Origin, Unreadable},
};

/// Runs until cancelled or until something breaks; whatever was not answered comes again.
///
/// # Errors
/// When broker or database break off.
pub async fn run(
    broker: &SecretUrl,
    store: &Store,
    settings: &LedgerSettings,
    rules: &WaitingRules,
    part: &Part,
    token: CancellationToken,
) -> Result<(), upward::Error> {
    let receiver = Receiver {
        stamper: Stamper::new(store.clone(), Duration::from_millis(settings.clock_bound_ms), rules.clone()),
        batch_size: usize::try_from(settings.batch_size).unwrap_or(usize::MAX),
        linger: Duration::from_millis(settings.linger_ms),
    };
    upward::run(broker, store, &receiver, part, token).await
}

struct Receiver {
    stamper: Stamper,
    batch_size: usize,
    linger: Duration,
}

impl Handler for Receiver {
    type Message = Vec<Report>;

    fn what(&self) -> Upward {
        Upward::Receipt
    }

    fn batch(&self) -> (usize, Duration) {
        (self.batch_size, self.linger)
    }

    fn read(&self, body: &[u8], origin: &Origin<'_>) -> Result<Vec<Report>, Unreadable> {
        let receipts = upward::parse::<ReceiptsMessage>(body)?.into_receipts();
        if receipts.items.is_empty() {
            return Err(Unreadable {
                code: "HUB-3101",
                reason: "a receipts message without receipts".to_owned(),
            });
        }
        for receipt in &receipts.items {
            origin.may_speak_for(&receipt.registry)?;
        }
        let connector = receipts.connector;
        let report = |receipt| Report { connector: connector.clone(), receipt };
        Ok(receipts.items.into_iter().map(report).collect())
    }

    async fn handle(&self, messages: Vec<Vec<Report>>) -> Result<Vec<Answers>, StoreError> {
        let sizes: Vec<usize> = messages.iter().map(Vec::len).collect();
        let reports: Vec<Report> = messages.into_iter().flatten().collect();
        let span = info_span!("ledger.stamp", receipts = reports.len());
        let verdicts = self.stamper.stamp(&reports).instrument(span).await?;
        let recorded = verdicts.iter().filter(|v| matches!(v, Verdict::Recorded(_))).count();
        tracing::debug!(receipts = reports.len(), recorded, "stamped");
        let mut answers = reports
            .iter()
            .zip(verdicts)
            .map(|(report, verdict)| ReceiptAnswer { request_id: report.receipt.request_id, verdict });
        Ok(sizes
            .into_iter()
            .map(|n| Answers::Receipts { answers: answers.by_ref().take(n).collect() })
            .collect())
    }
}
