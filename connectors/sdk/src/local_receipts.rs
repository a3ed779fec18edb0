//! Brings to the hub what a local system received over its own link (点对点): the same ledger, the same order. The local
//! system keeps each offer until the hub has answered, so nothing is held here; sent twice, the hub knows it by its number.

use std::{collections::HashSet, sync::Arc, time::Duration};

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use xiezhi_schemas::{
    address::{RegistryCode, Upward},
    message::{Answers, LocalReceipt, LocalReceiptMessage, LocalReceiptVerdict},
};

use crate::{
    adapter::{Adapter, AdapterError, LocalReceiptOffer},
    bus::{Asker, chain},
    code::Code,
    config::OutcomePace,
    errand::{self, Errand, Next},
    question::{Put, put},
    status::Status,
};

/// Asks one registry's local system for receipts of its own link.
pub(crate) struct Messenger {
    pub(crate) connector: String,
    pub(crate) registry: RegistryCode,
    pub(crate) adapter: Arc<dyn Adapter>,
    pub(crate) asker: Asker,
    pub(crate) pace: OutcomePace,
    pub(crate) answer_timeout: Duration,
    pub(crate) status: Arc<Status>,
}

/// What became of one offer.
enum Handed {
    /// The local system knows what the hub said.
    Settled,
    /// The hub cannot tell now; the others need not wait for it.
    NotNow,
    /// The hub does not answer; the others would not be answered either.
    Unanswered,
}

impl Messenger {
    /// Works until `stop`.
    pub(crate) async fn run(self, stop: &CancellationToken) {
        let period = self.pace.period;
        errand::run(self, period, stop).await;
    }

    async fn bring(&self, offer: LocalReceiptOffer) -> Result<Handed, AdapterError> {
        let LocalReceiptOffer { receipt_id, local, demand } = offer;
        let number = local.number.clone();
        let (connector, registry) = (self.connector.clone(), self.registry.clone());
        let message = LocalReceipt::<Value> { connector, registry, local, demand };
        let message = LocalReceiptMessage::V1(Box::new(message));
        let fits = |answers| match answers {
            Answers::LocalReceipt(answer) if answer.registry == self.registry && answer.number == number => {
                Some(answer.verdict)
            }
            _ => None,
        };
        let to = (Upward::LocalReceipt, &self.registry);
        let verdict = match put(&self.asker, to, &message, self.answer_timeout, fits).await {
            Put::Answered(LocalReceiptVerdict::Later { code, .. }) => {
                tracing::warn!(
                    code = %Code::NotNow, hub_code = code,
                    "the hub does not record a local receipt now; it is sent again"
                );
                return Ok(Handed::NotNow);
            }
            Put::Answered(verdict) => verdict,
            // Kept at the hub for a person; the registry must hear of it too.
            Put::Unread { code, message } => LocalReceiptVerdict::Refused { code, message },
            Put::Unanswered | Put::Gone => return Ok(Handed::Unanswered),
        };
        self.tell(&verdict);
        self.adapter.settle_local_receipt(&self.registry, &receipt_id, &verdict).await?;
        Ok(Handed::Settled)
    }

    fn tell(&self, verdict: &LocalReceiptVerdict) {
        match verdict {
            LocalReceiptVerdict::Recorded { requests } => {
                tracing::info!(requests = requests.len(), "the ledger recorded a receipt of the local link");
                self.status.counted(|counts| counts.local_receipts += 1);
            }
            LocalReceiptVerdict::Repeated { .. } | LocalReceiptVerdict::Later { .. } => {}
            LocalReceiptVerdict::Disputed => {
                tracing::warn!(
                    code = %Code::LocalReceiptRefused,
                    "another receipt stands under this local number; the hub keeps both for people"
                );
                self.status.counted(|counts| counts.local_receipts_refused += 1);
            }
            LocalReceiptVerdict::Refused { code, message } => {
                tracing::warn!(
                    code = %Code::LocalReceiptRefused, hub_code = code, detail = message,
                    "the hub does not record a receipt of the local link; the registry is told"
                );
                self.status.counted(|counts| counts.local_receipts_refused += 1);
            }
        }
    }
}

impl Errand for Messenger {
    type Error = AdapterError;

    /// One after another, in the local system's order: of equal instants the one that is recorded first ranks first.
    async fn round(&mut self) -> Result<Next, AdapterError> {
        let offers = self.adapter.fetch_local_receipts(&self.registry, self.pace.batch).await?;
        let full = offers.len() >= self.pace.batch;
        let mut waiting = HashSet::new();
        for offer in offers {
            let number = offer.local.number.clone();
            // A correction must not overtake what it corrects.
            if waiting.contains(&number) {
                continue;
            }
            let span = tracing::info_span!(
                "local receipt", otel.kind = "producer", registry = %self.registry, number,
                receipt_id = offer.receipt_id
            );
            match self.bring(offer).instrument(span).await? {
                Handed::Settled => {}
                Handed::NotNow => {
                    waiting.insert(number);
                }
                Handed::Unanswered => return Ok(Next::AfterWait),
            }
        }
        Ok(match (full, waiting.is_empty()) {
            (_, false) => Next::AfterWait,
            (true, true) => Next::AtOnce,
            (false, true) => Next::AfterPeriod,
        })
    }

    fn trouble_begins(&self, error: &AdapterError) {
        tracing::warn!(
            code = %Code::LocalReceiptsUnreadable, registry = %self.registry, error = chain(error),
            "receipts of the local link cannot be fetched or settled; the connector goes on asking"
        );
    }

    fn trouble_ends(&self) {
        tracing::info!(registry = %self.registry, "receipts of the local link are fetched again");
    }
}
