//! Adapters that break one rule each: the real one, with one lie put round it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use connector_sdk::{
    Adapter, AdapterError, DeliveryOrder, FetchedDocument, LocalOutcome, LocalReceiptOffer, Outcome,
    WithdrawalOrder,
};
use uuid::Uuid;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{Demand, DemandMessage, Digest, LocalReceiptVerdict, WithdrawalTaking},
};

macro_rules! defects {
    ($($(#[$doc:meta])* $name:ident breaks $rule:literal,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Defect { $($(#[$doc])* $name,)* }

        impl Defect {
            pub(crate) const ALL: [Self; [$($rule),*].len()] = [$(Self::$name),*];

            pub(crate) fn breaks(self) -> &'static str {
                match self { $(Self::$name => $rule,)* }
            }
        }
    };
}

defects! {
    /// Says Taken when the work begins.
    TakenAtOnce breaks "CR-02",
    /// The system behind it answers from memory.
    SystemForgets breaks "CR-04",
    /// Gives every delivery an id of its own.
    AnotherIdEachTime breaks "CR-03",
    /// Gives the second of two deliveries at once another id.
    DoublesAtOnce breaks "CR-05",
    /// Its ids are known to this instance only.
    KnowsOnlyItself breaks "CR-06",
    /// Takes a broken connection for a yes.
    BrokenLineIsTaken breaks "CR-07",
    /// Takes half an answer for a yes.
    HalfAnswerIsTaken breaks "CR-08",
    /// Takes silence for a yes.
    SilenceIsTaken breaks "CR-09",
    /// Keeps the second of a lane back until the third has gone.
    OvertakesInLane breaks "CR-14",
    /// Reads a return as a refusal.
    ReturnIsRefused breaks "CR-15",
    /// Holds a refusal for an illness.
    RefusedIsUnwell breaks "CR-16",
    /// Holds an illness for a refusal.
    DownIsRefused breaks "CR-17",
    /// Never asks about health.
    AlwaysWell breaks "CR-19",
    /// Hands no void on.
    VoidSwallowed breaks "CR-21",
    /// Settles what it fetches.
    SettlesOnFetch breaks "CR-23",
    /// Hands no settling on.
    SettleSwallowed breaks "CR-25",
    /// Begins with the oldest whatever it is asked.
    IgnoresAfter breaks "CR-26",
    /// Cannot ask, and says that there is nothing.
    EmptyWhenDown breaks "CR-27",
    /// Settles receipts of the local link when it fetches them.
    ForgetsLocalReceipts breaks "CR-28",
    /// Puts the debtor into its reasons.
    QuotesTheDebtor breaks "CR-29",
}

pub(crate) struct Broken {
    inner: Arc<dyn Adapter>,
    defect: Defect,
    generation: usize,
    times: Mutex<HashMap<Uuid, usize>>,
    in_hand: Mutex<HashSet<Uuid>>,
    kept_back: Mutex<Option<Letter>>,
}

/// A delivery that outlives its call.
#[derive(Clone)]
struct Letter {
    demand: Demand,
    body: Vec<u8>,
    sha256: String,
    documents: Vec<FetchedDocument>,
}

impl Letter {
    fn of(order: &DeliveryOrder<'_>) -> Self {
        Self {
            demand: order.demand.clone(),
            body: order.body.to_vec(),
            sha256: order.body_sha256.to_owned(),
            documents: order.documents.to_vec(),
        }
    }

    /// The same demand under another id.
    fn renamed(mut self) -> Self {
        self.demand.request_id = Uuid::now_v7();
        self.body = serde_json::to_vec(&DemandMessage::V1(Box::new(self.demand.clone()))).unwrap();
        self.sha256 = Digest::of(&self.body).to_string();
        self
    }

    async fn send(&self, adapter: &dyn Adapter) -> Outcome {
        let order = DeliveryOrder {
            demand: &self.demand,
            body: &self.body,
            body_sha256: &self.sha256,
            attempt: 1,
            documents: &self.documents,
        };
        adapter.deliver(&order).await
    }
}

fn taken() -> Outcome {
    Outcome::Taken { local_reference: None, local_received_at: None, mapping: None }
}

/// Marks a request as being delivered, until dropped.
struct InHand<'a>(&'a Mutex<HashSet<Uuid>>, Uuid);

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap().remove(&self.1);
    }
}

impl Broken {
    pub(crate) fn new(inner: Arc<dyn Adapter>, defect: Defect, generation: usize) -> Self {
        let (times, in_hand, kept_back) = <(Mutex<_>, Mutex<_>, Mutex<_>)>::default();
        Self { inner, defect, generation, times, in_hand, kept_back }
    }

    /// How often this request came before.
    fn came_before(&self, id: Uuid) -> usize {
        let mut times = self.times.lock().unwrap();
        let count = times.entry(id).or_default();
        *count += 1;
        *count - 1
    }

    /// Deliveries whose very call is wrong.
    async fn deliver_wrongly(&self, order: &DeliveryOrder<'_>) -> Outcome {
        let letter = Letter::of(order);
        let id = order.demand.request_id;
        match self.defect {
            Defect::TakenAtOnce => {
                let inner = Arc::clone(&self.inner);
                #[allow(clippy::disallowed_methods, reason = "the defect is exactly that nobody waits")]
                drop(tokio::spawn(async move { letter.send(&*inner).await }));
                return taken();
            }
            Defect::AnotherIdEachTime if self.came_before(id) > 0 => {
                return letter.renamed().send(&*self.inner).await;
            }
            Defect::KnowsOnlyItself if self.generation > 0 => {
                return letter.renamed().send(&*self.inner).await;
            }
            Defect::DoublesAtOnce => {
                if !self.in_hand.lock().unwrap().insert(id) {
                    return letter.renamed().send(&*self.inner).await;
                }
                let _in_hand = InHand(&self.in_hand, id);
                return self.inner.deliver(order).await;
            }
            Defect::OvertakesInLane if order.demand.lane_seq == 2 => {
                *self.kept_back.lock().unwrap() = Some(letter);
                return taken();
            }
            _ => {}
        }
        let mut outcome = self.inner.deliver(order).await;
        // A line that was cut before may still be in the client's hands; this defect is about the one that breaks now.
        for _ in 0..6 {
            let broke = matches!(&outcome, Outcome::Unwell { reason, .. } if reason.contains("broke"));
            if self.defect != Defect::BrokenLineIsTaken || !broke {
                break;
            }
            outcome = self.inner.deliver(order).await;
        }
        let kept_back = self.kept_back.lock().unwrap().take();
        if let Some(letter) = kept_back {
            letter.send(&*self.inner).await;
        }
        outcome
    }
}

#[async_trait]
impl Adapter for Broken {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    async fn deliver(&self, order: &DeliveryOrder<'_>) -> Outcome {
        let outcome = self.deliver_wrongly(order).await;
        match (self.defect, outcome) {
            (Defect::BrokenLineIsTaken, Outcome::Unwell { reason, .. }) if reason.contains("broke") => {
                taken()
            }
            (Defect::SilenceIsTaken, Outcome::Unwell { reason, .. }) if reason.contains("in time") => taken(),
            (Defect::HalfAnswerIsTaken, Outcome::Unwell { reason, .. }) if reason.contains("200") => taken(),
            (Defect::DownIsRefused, Outcome::Unwell { reason, .. }) if reason.contains("503") => {
                Outcome::Refused { code: "unavailable".into(), reason }
            }
            (Defect::RefusedIsUnwell, Outcome::Refused { reason, .. }) => {
                Outcome::Unwell { reason, retry_after: None }
            }
            (Defect::ReturnIsRefused, Outcome::Returned(message)) => {
                Outcome::Refused { code: "returned".into(), reason: message.text }
            }
            (Defect::QuotesTheDebtor, Outcome::Refused { code, reason }) => {
                Outcome::Refused { code, reason: format!("{}: {reason}", order.demand.debtor.name) }
            }
            (_, outcome) => outcome,
        }
    }

    async fn void(&self, registry: &RegistryCode, id: Uuid, reason: &str) -> Result<(), AdapterError> {
        match self.defect {
            Defect::VoidSwallowed => Ok(()),
            _ => self.inner.void(registry, id, reason).await,
        }
    }

    async fn withdrawal_request(
        &self,
        order: &WithdrawalOrder<'_>,
    ) -> Result<WithdrawalTaking, AdapterError> {
        self.inner.withdrawal_request(order).await
    }

    async fn fetch_outcomes(
        &self,
        registry: &RegistryCode,
        limit: usize,
    ) -> Result<Vec<LocalOutcome>, AdapterError> {
        let fetched = self.inner.fetch_outcomes(registry, limit).await;
        match self.defect {
            Defect::EmptyWhenDown => Ok(fetched.unwrap_or_default()),
            Defect::SettlesOnFetch => {
                let outcomes = fetched?;
                for outcome in &outcomes {
                    self.inner.settle(registry, &outcome.outcome_id).await?;
                }
                Ok(outcomes)
            }
            _ => fetched,
        }
    }

    async fn fetch_outcomes_after(
        &self,
        registry: &RegistryCode,
        after: &str,
        limit: usize,
    ) -> Result<Vec<LocalOutcome>, AdapterError> {
        match self.defect {
            Defect::IgnoresAfter => self.inner.fetch_outcomes(registry, limit).await,
            _ => self.inner.fetch_outcomes_after(registry, after, limit).await,
        }
    }

    async fn settle(&self, registry: &RegistryCode, outcome_id: &str) -> Result<(), AdapterError> {
        match self.defect {
            Defect::SettleSwallowed => self.inner.health(registry).await,
            _ => self.inner.settle(registry, outcome_id).await,
        }
    }

    async fn fetch_local_receipts(
        &self,
        registry: &RegistryCode,
        limit: usize,
    ) -> Result<Vec<LocalReceiptOffer>, AdapterError> {
        let offers = self.inner.fetch_local_receipts(registry, limit).await?;
        if self.defect == Defect::ForgetsLocalReceipts {
            for offer in &offers {
                let verdict = LocalReceiptVerdict::Disputed;
                self.inner.settle_local_receipt(registry, &offer.receipt_id, &verdict).await?;
            }
        }
        Ok(offers)
    }

    async fn settle_local_receipt(
        &self,
        registry: &RegistryCode,
        receipt_id: &str,
        verdict: &LocalReceiptVerdict,
    ) -> Result<(), AdapterError> {
        self.inner.settle_local_receipt(registry, receipt_id, verdict).await
    }

    async fn health(&self, registry: &RegistryCode) -> Result<(), AdapterError> {
        match self.defect {
            Defect::AlwaysWell => Ok(()),
            _ => self.inner.health(registry).await,
        }
    }
}
