//! What is done with one delivery: documents, push, receipt, acknowledgement, in this order and no other.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use jiff::Timestamp;
use tracing::{Instrument, Span, field};
use uuid::Uuid;
use xiezhi_schemas::{
    address::{RegistryCode, Upward},
    message::{Answers, Digest, OutcomeMessage, OutcomeVerdict, Receipt, ReturnMessage, Verdict},
};

use super::verify::Verified;
use crate::{
    adapter::{Adapter, DeliveryOrder, FetchedDocument, Outcome},
    backoff::Backoff,
    bus::{Asker, Parcel, chain},
    code::Code,
    config::Pace,
    documents::Documents,
    failpoint::{self, Failpoint},
    hub::HubError,
    question::{Put, put},
    receipts::{self, Desk},
    status::Status,
    telemetry,
};

/// The longest wait between two tries of something that must succeed in the end.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// One delivery that may be handed over.
pub(crate) struct Job {
    pub(crate) parcel: Parcel,
    pub(crate) verified: Verified,
}

impl Job {
    fn request_id(&self) -> Uuid {
        self.verified.demand.request_id
    }
}

/// How the work on one delivery ended.
#[derive(Debug)]
pub(crate) enum End {
    /// Acknowledged; the local system answered as it should.
    Settled,
    /// The local system failed; the delivery is still held.
    Unwell { reason: String },
    /// To be parked for this reason.
    Park { code: Code, reason: String },
    /// The connection ended meanwhile; the broker delivers again.
    Lost,
}

/// Everything the work on a delivery of one registry needs.
pub(crate) struct Hands {
    pub(crate) registry: RegistryCode,
    pub(crate) adapter: Arc<dyn Adapter>,
    pub(crate) documents: Arc<Documents>,
    pub(crate) desk: Desk,
    pub(crate) asker: Asker,
    pub(crate) pace: Pace,
    pub(crate) answer_timeout: Duration,
    pub(crate) status: Arc<Status>,
}

impl Hands {
    /// Works on one delivery until it is settled or cannot be.
    pub(crate) async fn work(&self, job: &Job) -> End {
        let demand = &job.verified.demand;
        let span = tracing::info_span!(
            "deliver",
            otel.kind = "consumer",
            registry = %self.registry,
            request_id = %demand.request_id,
            message_id = %demand.message_id,
            kind = demand.kind.as_str(),
            attempt = job.verified.attempt,
            redelivered = job.parcel.redelivered(),
            no = field::Empty,
        );
        telemetry::continue_from(&span, &job.parcel);
        async {
            let end = self.hand_over(job).await;
            if let End::Park { code, reason } = &end {
                tracing::error!(%code, reason, "the demand is parked; the hub lists it as undelivered");
                job.parcel.park().await;
                self.status.counted(|counts| counts.parked += 1);
            }
            end
        }
        .instrument(span)
        .await
    }

    async fn hand_over(&self, job: &Job) -> End {
        let documents = match self.documents(job).await {
            Ok(documents) => documents,
            Err(error) => return End::Park { code: error.code(), reason: chain(&error) },
        };
        let order = DeliveryOrder {
            demand: &job.verified.demand,
            body: job.parcel.body(),
            body_sha256: &job.verified.body_sha256,
            attempt: job.verified.attempt,
            documents: &documents,
        };
        let mut waits = Backoff::new(self.pace.first_wait, LONGEST_WAIT);
        for attempt in 1.. {
            let push_started_at = Timestamp::now();
            let outcome = self.push(&order).await;
            let push_answered_at = Timestamp::now();
            match outcome {
                Outcome::Taken { local_reference, local_received_at, mapping } => {
                    let local_reference = local_reference
                        .filter(|text| !text.is_empty())
                        .map(|text| text.chars().take(100).collect());
                    let receipt = Receipt {
                        request_id: job.request_id(),
                        message_id: order.demand.message_id,
                        registry: self.registry.clone(),
                        body_sha256: Digest::of(order.body),
                        attempt: order.attempt,
                        push_started_at,
                        push_answered_at,
                        local_reference,
                        local_received_at,
                        mapping,
                    };
                    return self.receive(job, receipt).await;
                }
                Outcome::Returned(returned) => {
                    if returned.request_id == job.request_id() && returned.registry == self.registry {
                        return self.give_back(job, returned).await;
                    }
                    tracing::error!(
                        code = %Code::AdapterBroken,
                        "the local system returned another demand than it was given"
                    );
                    return End::Unwell { reason: "it returned another demand than it was given".into() };
                }
                Outcome::Refused { code, reason } => {
                    return End::Park { code: Code::Refused, reason: format!("{code}: {reason}") };
                }
                Outcome::Unwell { reason, retry_after } => {
                    tracing::warn!(attempt, reason, "the local system did not take the demand");
                    if attempt >= self.pace.tries {
                        return End::Unwell { reason };
                    }
                    let asked = retry_after.unwrap_or_default().min(LONGEST_WAIT);
                    tokio::time::sleep(waits.wait().max(asked)).await;
                }
            }
        }
        unreachable!("the tries are counted down above")
    }

    /// The documents; waits as long as the hub does not answer, for without them nothing can be handed over.
    async fn documents(&self, job: &Job) -> Result<Vec<FetchedDocument>, HubError> {
        let mut waits = Backoff::new(self.pace.first_wait, LONGEST_WAIT);
        loop {
            match self.documents.fetch(&job.verified.demand).await {
                Err(error) if error.is_transient() => {
                    tracing::warn!(
                        code = %error.code(), error = chain(&error),
                        "documents cannot be fetched yet"
                    );
                    tokio::time::sleep(waits.wait()).await;
                }
                done => return done,
            }
        }
    }

    /// One call of the adapter, with a limit to its time and to what its panics can do.
    async fn push(&self, order: &DeliveryOrder<'_>) -> Outcome {
        let call = AssertUnwindSafe(self.adapter.deliver(order)).catch_unwind();
        match tokio::time::timeout(self.pace.deliver_timeout, call).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => {
                tracing::error!(
                    code = %Code::AdapterBroken, adapter = self.adapter.name(),
                    "the adapter panicked"
                );
                Outcome::Unwell { reason: "the adapter panicked".into(), retry_after: None }
            }
            Err(_) => Outcome::Unwell {
                reason: format!("no answer within {} s", self.pace.deliver_timeout.as_secs()),
                retry_after: None,
            },
        }
    }

    /// The local system holds the demand: ask for the receipt (送达), and acknowledge only once the ledger has answered.
    async fn receive(&self, job: &Job, receipt: Receipt) -> End {
        failpoint::pass(Failpoint::BeforeReceipt);
        if failpoint::acks_before_receipt() {
            job.parcel.ack().await;
        }
        let mut waits = receipts::later();
        let mut told = false;
        let end = loop {
            let Some(verdict) = self.desk.ask(receipt.clone()).await else { return End::Lost };
            match verdict {
                Verdict::Recorded(stamp) => {
                    Span::current().record("no", stamp.no);
                    tracing::info!(
                        delivered_at = %stamp.delivered_at,
                        "received: the ledger recorded the receipt"
                    );
                    self.status.counted(|counts| counts.received += 1);
                    break End::Settled;
                }
                Verdict::Repeated(stamp) => {
                    Span::current().record("no", stamp.no);
                    tracing::info!(delivered_at = %stamp.delivered_at, "the ledger had this receipt already");
                    self.status.counted(|counts| counts.repeated += 1);
                    break End::Settled;
                }
                Verdict::Void { code, message } => {
                    tracing::warn!(
                        code = %Code::Void, hub_code = code, detail = message,
                        "no receipt will be written for this demand"
                    );
                    self.void(&receipt, &code, &message).await;
                    break End::Settled;
                }
                Verdict::Park { code, message } => {
                    break End::Park {
                        code: Code::BadDemand,
                        reason: format!("the ledger refuses its receipt: {code}: {message}"),
                    };
                }
                Verdict::Later { code, message, retry_after_ms } => {
                    if !told {
                        tracing::warn!(
                            code = %Code::NotNow, hub_code = code, detail = message,
                            "the ledger may not stamp now; the delivery waits"
                        );
                        told = true;
                    }
                    let asked = Duration::from_millis(retry_after_ms).min(LONGEST_WAIT);
                    tokio::time::sleep(waits.wait().max(asked)).await;
                }
            }
        };
        failpoint::pass(Failpoint::AfterReceipt);
        if matches!(end, End::Settled) {
            self.acknowledge(job).await;
        }
        end
    }

    async fn acknowledge(&self, job: &Job) {
        failpoint::pass(Failpoint::BeforeAck);
        job.parcel.ack().await;
        failpoint::pass(Failpoint::AfterAck);
    }

    /// Tells the local system that what it took counts for nothing. It must learn of it, so this goes on until it does.
    async fn void(&self, receipt: &Receipt, code: &str, message: &str) {
        let reason = format!("{code}: {message}");
        let mut waits = Backoff::new(self.pace.first_wait, LONGEST_WAIT);
        loop {
            match self.adapter.void(&self.registry, receipt.request_id, &reason).await {
                Ok(()) => return,
                Err(error) if error.is_transient() => {
                    tracing::warn!(
                        code = %Code::Void, error = chain(&error),
                        "the local system does not know yet that the demand is void"
                    );
                    tokio::time::sleep(waits.wait()).await;
                }
                Err(error) => {
                    tracing::error!(
                        code = %Code::Void, error = chain(&error),
                        "the local system does not accept that the demand is void; tell the registry"
                    );
                    return;
                }
            }
        }
    }

    /// A return at the door (退回): acknowledged once the hub has it.
    async fn give_back(&self, job: &Job, returned: ReturnMessage) -> End {
        let request_id = returned.request_id;
        let message = OutcomeMessage::ReturnV1(returned);
        let mut waits = Backoff::new(self.answer_timeout, LONGEST_WAIT.max(self.answer_timeout));
        loop {
            let fits = |answers| match answers {
                Answers::Outcome(answer) if answer.request_id == request_id => Some(answer.verdict),
                _ => None,
            };
            let to = (Upward::Return, &self.registry);
            let wait = match put(&self.asker, to, &message, self.answer_timeout, fits).await {
                Put::Answered(verdict) => match verdict {
                    OutcomeVerdict::Effective | OutcomeVerdict::Repeated => {
                        tracing::info!("the local system returned the demand at the door");
                        self.status.counted(|counts| counts.returned += 1);
                        self.acknowledge(job).await;
                        return End::Settled;
                    }
                    // The registry gave it back itself: there is nothing to void.
                    OutcomeVerdict::Disputed | OutcomeVerdict::Void { .. } => {
                        tracing::warn!(
                            code = %Code::OutcomeRefused,
                            "the return contradicts what took effect before; the hub keeps both"
                        );
                        self.acknowledge(job).await;
                        return End::Settled;
                    }
                    // Acknowledged, the demand would have neither receipt nor return; as a dead letter somebody decides.
                    OutcomeVerdict::Refused { code, message } => {
                        return End::Park { code: Code::ReturnRefused, reason: format!("{code}: {message}") };
                    }
                    OutcomeVerdict::Early => waits.wait(),
                    OutcomeVerdict::Later { retry_after_ms, .. } => {
                        Duration::from_millis(retry_after_ms).min(LONGEST_WAIT)
                    }
                },
                Put::Unread { code, message } => {
                    return End::Park { code: Code::ReturnRefused, reason: format!("{code}: {message}") };
                }
                Put::Unanswered => waits.wait(),
                Put::Gone => return End::Lost,
            };
            tokio::time::sleep(wait).await;
        }
    }
}
