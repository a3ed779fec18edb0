//! What the checks share: calls with an end, what was said, and the registry's book.

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;
use xiezhi_schemas::{address::RegistryCode, message::ReturnMessage};

use super::{
    Build,
    bench::{Bench, BenchError, Condition, Entry, Event},
    specimen::Specimen,
};
use crate::{
    adapter::{Adapter, AdapterError, LocalOutcome, Outcome},
    bus::chain,
};

/// Outcomes asked for at once.
const PAGE: usize = 50;
/// Pages after which a list is held to have no end.
const MANY_PAGES: usize = 400;
/// Deliveries of one demand to a system that should be well.
const TRIES: usize = 6;
/// Between two looks at a list.
const LOOK: Duration = Duration::from_millis(25);

/// Why a rule did not pass.
#[derive(Debug)]
pub(super) enum Miss {
    /// It is broken.
    Failed { seen: String, change: String },
    /// It could not be looked at.
    NotChecked(String),
}

/// What the check of a rule gives: what was seen, when it passed.
pub(super) type Checked<T = String> = Result<T, Miss>;

/// A broken rule.
pub(super) fn failed<T>(seen: impl Into<String>, change: impl Into<String>) -> Checked<T> {
    Err(Miss::Failed { seen: seen.into(), change: change.into() })
}

impl From<BenchError> for Miss {
    fn from(error: BenchError) -> Self {
        Self::NotChecked(error.to_string())
    }
}

/// What a delivery answered.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    Taken(Option<String>),
    Returned(ReturnMessage),
    Unwell(String),
    Refused {
        code: String,
        reason: String,
    },
    /// The time for one call was over; the runtime drops it then, and counts it as unwell.
    Nothing,
}

impl Said {
    /// Whether it leaves open what became of the demand.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Unwell(_) | Self::Nothing)
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(Some(reference)) => write!(f, "Taken as {reference}"),
            Self::Taken(None) => f.write_str("Taken without a reference"),
            Self::Returned(message) => write!(f, "Returned with {:?}", message.reasons),
            Self::Unwell(reason) => write!(f, "Unwell ({reason})"),
            Self::Refused { code, reason } => write!(f, "Refused with {code} ({reason})"),
            Self::Nothing => f.write_str("no answer within the time for one call"),
        }
    }
}

/// One run of the suite.
pub(super) struct Run<'a> {
    pub(super) adapter: Arc<dyn Adapter>,
    pub(super) build: &'a Build<'a>,
    pub(super) bench: Option<&'a dyn Bench>,
    pub(super) registry: RegistryCode,
    pub(super) call_timeout: Duration,
    pub(super) decision_wait: Duration,
    /// Every reason and error that the adapter gave.
    pub(super) texts: Mutex<Vec<String>>,
    /// Every request that was delivered.
    pub(super) delivered: Mutex<Vec<Uuid>>,
}

impl<'a> Run<'a> {
    pub(super) fn specimen(&self) -> Specimen {
        Specimen::new(&self.registry)
    }

    /// The hand on the local system, or why the rule is not checked.
    pub(super) fn bench(&self) -> Checked<&'a dyn Bench> {
        self.bench.ok_or_else(|| Miss::NotChecked("needs control of the local system (--bench)".into()))
    }

    /// Notes a text that the adapter gave.
    pub(super) fn heard(&self, text: &str) {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
    }

    pub(super) async fn deliver(&self, specimen: &Specimen) -> Said {
        self.deliver_by(&*self.adapter, specimen).await
    }

    pub(super) async fn deliver_by(&self, adapter: &dyn Adapter, specimen: &Specimen) -> Said {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner).push(specimen.id());
        let order = specimen.order();
        let Ok(outcome) = timeout(self.call_timeout, adapter.deliver(&order)).await else {
            return Said::Nothing;
        };
        match outcome {
            Outcome::Taken { local_reference, .. } => Said::Taken(local_reference),
            Outcome::Returned(message) => Said::Returned(message),
            Outcome::Unwell { reason, .. } => {
                self.heard(&reason);
                Said::Unwell(reason)
            }
            Outcome::Refused { code, reason } => {
                self.heard(&code);
                self.heard(&reason);
                Said::Refused { code, reason }
            }
        }
    }

    /// Delivers to a well system; gives the reference. As the runtime does, it repeats what is Unwell: a line that was cut before may
    /// still be in the adapter's hands.
    pub(super) async fn taken(&self, specimen: &Specimen) -> Checked<Option<String>> {
        let mut said = self.deliver(specimen).await;
        for _ in 1..TRIES {
            if !said.is_open() {
                break;
            }
            sleep(LOOK).await;
            said = self.deliver(specimen).await;
        }
        match said {
            Said::Taken(reference) => Ok(reference),
            other => failed(
                format!("a proper demand was answered with {other} by a well system"),
                "the answer to it must be read as Taken",
            ),
        }
    }

    /// Any other call of the adapter, with an end and with its error noted.
    pub(super) async fn call<T>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, AdapterError>>,
    ) -> Result<T, String> {
        match timeout(self.call_timeout, call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                let text = chain(&error);
                self.heard(&text);
                Err(format!("{what}: {text}"))
            }
            Err(_) => Err(format!("{what}: no answer within the time for one call")),
        }
    }

    /// The same, to a well system: it must succeed.
    pub(super) async fn well<T>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, AdapterError>>,
    ) -> Checked<T> {
        self.call(what, call).await.or_else(|seen| failed(seen, "with a well system this call must succeed"))
    }

    /// Does something while the local system is in a condition, which ends afterwards whatever happens.
    pub(super) async fn under<T>(&self, condition: Condition, act: impl Future<Output = T>) -> Checked<T> {
        let bench = self.bench()?;
        bench.set(&self.registry, condition).await?;
        let done = act.await;
        bench.set(&self.registry, Condition::Well).await?;
        Ok(done)
    }

    /// The takings of a request in the registry's book; none without a bench.
    pub(super) async fn takings(&self, id: Uuid) -> Checked<Option<Vec<(u64, String)>>> {
        let Some(bench) = self.bench else { return Ok(None) };
        let book = bench.book(&self.registry, id).await?;
        let taking = |entry: Entry| match entry.event {
            Event::Taken(reference) => Some((entry.place, reference)),
            Event::Voided | Event::Wished | Event::Other => None,
        };
        Ok(Some(book.into_iter().filter_map(taking).collect()))
    }

    /// That the book has one taking, under the reference that was told.
    pub(super) async fn once(&self, specimen: &Specimen, reference: Option<&str>) -> Checked<()> {
        let Some(takings) = self.takings(specimen.id()).await? else { return Ok(()) };
        match (takings.as_slice(), reference) {
            ([(_, booked)], Some(told)) if booked != told => failed(
                format!("the adapter told the reference {told}, the book says {booked}"),
                "hand on the reference of the local system's own answer",
            ),
            ([_], _) => Ok(()),
            ([], _) => failed(
                "the adapter said Taken, and the book has no such demand",
                "say Taken only on the local system's own word that it is stored",
            ),
            (many, _) => failed(
                format!("the book has {} takings of one request", many.len()),
                "the local system must know a demand by its request id; send it with every delivery",
            ),
        }
    }

    /// The first outcome of a request that is offered now.
    pub(super) async fn offered(&self, adapter: &dyn Adapter, id: Uuid) -> Checked<Option<LocalOutcome>> {
        let registry = &self.registry;
        let mut page = self.well("fetch_outcomes", adapter.fetch_outcomes(registry, PAGE)).await?;
        for _ in 0..MANY_PAGES {
            if let Some(found) = page.iter().find(|outcome| outcome.message.request_id() == id) {
                return Ok(Some(found.clone()));
            }
            let Some(last) = page.last().filter(|_| page.len() >= PAGE) else { return Ok(None) };
            let after = last.outcome_id.clone();
            let next = adapter.fetch_outcomes_after(registry, &after, PAGE);
            page = self.well("fetch_outcomes_after", next).await?;
        }
        failed(
            format!("the list of outcomes did not end after {MANY_PAGES} pages"),
            "fetch_outcomes_after gives only what stands behind the named outcome",
        )
    }

    /// The outcome of a request, once it is offered.
    pub(super) async fn decided(&self, id: Uuid) -> Checked<LocalOutcome> {
        let deadline = Instant::now() + self.decision_wait;
        loop {
            if let Some(outcome) = self.offered(&*self.adapter, id).await? {
                return Ok(outcome);
            }
            if Instant::now() >= deadline {
                let seen =
                    format!("no outcome of the demand was offered within {} s", self.decision_wait.as_secs());
                return match self.bench {
                    Some(_) => failed(seen, "fetch_outcomes must offer what the registry decided"),
                    None => Err(Miss::NotChecked(format!("{seen}; let somebody decide it in time"))),
                };
            }
            sleep(LOOK).await;
        }
    }

    /// A demand that was taken and decided.
    pub(super) async fn with_outcome(&self) -> Checked<(Specimen, LocalOutcome)> {
        let specimen = self.specimen();
        self.taken(&specimen).await?;
        let outcome = self.decided(specimen.id()).await?;
        Ok((specimen, outcome))
    }

    /// Fails when the outcome is not among those offered, or is another one under the same request.
    pub(super) async fn still_offered(
        &self,
        adapter: &dyn Adapter,
        before: &LocalOutcome,
        when: &str,
    ) -> Checked<()> {
        let change = "offer every outcome until settle was called for it, under the same id";
        match self.offered(adapter, before.message.request_id()).await? {
            None => {
                failed(format!("the outcome {} was not offered any more {when}", before.outcome_id), change)
            }
            Some(now) if now.outcome_id != before.outcome_id => {
                failed(format!("the outcome {} came as {} {when}", before.outcome_id, now.outcome_id), change)
            }
            Some(now) if now.message != before.message => {
                failed(format!("the outcome {} had another content {when}", before.outcome_id), change)
            }
            Some(_) => Ok(()),
        }
    }

    /// Looks until something is so, for as long as a decision may take.
    pub(super) async fn until<T, F>(&self, mut look: impl FnMut() -> F) -> Checked<Option<T>>
    where
        F: Future<Output = Checked<Option<T>>>,
    {
        let deadline = Instant::now() + self.decision_wait;
        loop {
            let found = look().await?;
            if found.is_some() || Instant::now() >= deadline {
                return Ok(found);
            }
            sleep(LOOK).await;
        }
    }
}
