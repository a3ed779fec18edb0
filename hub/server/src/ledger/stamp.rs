//! One transaction of stamps.
//!
//! Locks are taken in one order everywhere: ledger heads, then requests, then units, then the courts' streams. Number and time are
//! taken together under the head's lock. Whatever cannot be stamped is answered with its reason, and harms no other
//! receipt of the batch.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;
use xiezhi_domain::Event;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{Channel, FeedbackBody, Receipt, Stamp, Verdict},
};

use super::{
    chain,
    clock::ClockError,
    pen::{self, Draft},
    trusted::TrustedClock,
};
use crate::{
    failpoint, outcomes,
    register::WaitingRules,
    store::{
        Store, StoreError, Transaction,
        ledger::{self, Evidence, Head},
        outcomes::{self as stored, StoredOutcome},
        requests::{self, Changes, LockedRequest, NewEvent},
    },
};

/// A receipt and the connector instance that reported it.
#[derive(Debug, Clone)]
pub struct Report {
    /// Name of the connector instance.
    pub connector: String,
    /// What it reported.
    pub receipt: Receipt,
}

/// How soon a connector may ask again when nothing can be stamped.
const RETRY: Duration = Duration::from_secs(1);

/// Stamps receipts.
#[derive(Debug)]
pub struct Stamper {
    store: Store,
    clock: Arc<TrustedClock>,
    rules: WaitingRules,
}

impl Stamper {
    /// A stamper that trusts clocks within `bound`; `rules` are for results that came before their receipt.
    pub fn new(store: Store, bound: Duration, rules: WaitingRules) -> Self {
        Self::with_clock(store, Arc::new(TrustedClock::new(bound)), rules)
    }

    /// A stamper that shares its clock with the other channels.
    pub fn with_clock(store: Store, clock: Arc<TrustedClock>, rules: WaitingRules) -> Self {
        Self { store, clock, rules }
    }

    /// Judges every report and stamps those that may be stamped; one verdict for each, in their order.
    ///
    /// # Errors
    /// When the database fails. [`StoreError::UnknownOutcome`] included, the same reports may simply be brought again:
    /// what was committed is answered with its first stamp.
    pub async fn stamp(&self, reports: &[Report]) -> Result<Vec<Verdict>, StoreError> {
        let mut client = self.store.road().await?;
        let registries: Vec<RegistryCode> =
            reports.iter().map(|r| r.receipt.registry.clone()).collect::<BTreeSet<_>>().into_iter().collect();
        let ids: Vec<Uuid> = reports.iter().map(|r| r.receipt.request_id).collect();
        let tx = client.transaction().await?;
        let held = hold(&tx, &registries, &ids).await?;
        let (tx, held) = if held.heads.len() == registries.len() {
            (tx, held)
        } else {
            // The first receipt of a registry. Its head is made apart, because heads are locked before requests.
            tx.rollback().await?;
            ledger::ensure_heads(&client, &registries, |code| chain::genesis(code.as_str())).await?;
            let tx = client.transaction().await?;
            let held = hold(&tx, &registries, &ids).await?;
            (tx, held)
        };
        let Held { mut heads, mut locked, known, outcomes } = held;

        let judged: Vec<Judged> =
            reports.iter().map(|r| judge(&r.receipt, locked.get(&r.receipt.request_id), &known)).collect();
        // What a registry decided about a taking that is void must not take effect with a later receipt.
        let void: Vec<Uuid> = reports
            .iter()
            .zip(&judged)
            .filter(|(_, judged)| matches!(judged, Judged::Answered(Verdict::Void { .. })))
            .map(|(report, _)| report.receipt.request_id)
            .collect();
        outcomes::drop_early(&tx, &void, &outcomes).await?;
        let wanted = unique(reports, &judged);
        if wanted.is_empty() {
            tx.commit().await.map_err(StoreError::of_commit)?;
            return Ok(judged.into_iter().map(|j| j.verdict(&HashMap::new())).collect());
        }
        let speaking = wanted.iter().map(|report| &report.receipt.registry);
        let received: Vec<&LockedRequest> = wanted.iter().map(|r| &locked[&r.receipt.request_id]).collect();
        // The clock first: nothing goes before it that could make the look longer.
        let (clock, overtaken) =
            futures::try_join!(self.clock.now(&tx, speaking, &heads), requests::overtaken(&tx, &received))?;
        let clock = match clock {
            Ok(trusted) => trusted,
            Err(refused) => {
                note_refusal(&tx, &refused, &wanted).await?;
                tx.commit().await.map_err(StoreError::of_commit)?;
                tracing::error!(code = refused.code(), receipts = wanted.len(), "{refused}");
                return Ok(judged.into_iter().map(|j| j.refused(&refused)).collect());
            }
        };
        let mut changes = Changes::default();
        pen::tell_overtaken(&mut changes, &received, overtaken, clock.now);
        let receipts = pen::write(&mut heads, clock.now, drafts(&wanted, &locked));
        let stamps: HashMap<Uuid, Stamp> = receipts.iter().map(|r| (r.request_id, pen::stamp(r))).collect();
        for receipt in &receipts {
            let request = locked.get_mut(&receipt.request_id).expect("only locked requests are numbered");
            changes
                .transition(
                    request,
                    Event::ReceiptRecorded,
                    receipt.recorded_at,
                    &receipt.reporter,
                    "receipt",
                )
                .expect("only requests that may be received are numbered");
            changes.tell(receipt.request_id, FeedbackBody::Delivered(stamps[&receipt.request_id].clone()));
        }
        wanted
            .iter()
            .filter_map(|report| mapped(&report.receipt, clock.now))
            .for_each(|event| changes.event(event));
        ledger::append(&tx, clock.error_us, &receipts, &heads).await?;
        outcomes::apply_early(&tx, &self.rules, &mut changes, &mut locked, &outcomes, &receipts).await?;
        changes.write(&tx).await?;
        failpoint::hit("before_receipt_commit");
        tx.commit().await.map_err(StoreError::of_commit)?;
        failpoint::hit("after_receipt_commit");
        Ok(judged.into_iter().map(|j| j.verdict(&stamps)).collect())
    }
}

/// What reports are judged by.
struct Held {
    heads: BTreeMap<RegistryCode, Head>,
    locked: BTreeMap<Uuid, LockedRequest>,
    known: HashMap<Uuid, Stamp>,
    outcomes: HashMap<Uuid, Vec<StoredOutcome>>,
}

/// Locks heads, then requests, and reads what is known of them: in one round trip, since the statements are worked off in the
/// order in which they are sent.
async fn hold(tx: &Transaction<'_>, registries: &[RegistryCode], ids: &[Uuid]) -> Result<Held, StoreError> {
    let (heads, locked, known, outcomes) = futures::try_join!(
        ledger::lock_known_heads(tx, registries),
        requests::lock(tx, ids),
        ledger::find_stamps(tx, ids),
        stored::of_requests(tx, ids)
    )?;
    Ok(Held { heads, locked, known, outcomes })
}

/// What is to be done with one report.
#[derive(Debug)]
enum Judged {
    /// To be stamped.
    Wanted(Uuid),
    /// Answered without a stamp.
    Answered(Verdict),
}

impl Judged {
    fn verdict(self, stamps: &HashMap<Uuid, Stamp>) -> Verdict {
        match self {
            Self::Wanted(id) => Verdict::Recorded(stamps[&id].clone()),
            Self::Answered(verdict) => verdict,
        }
    }

    fn refused(self, refused: &ClockError) -> Verdict {
        match self {
            Self::Wanted(_) => Verdict::Later {
                code: refused.code().to_owned(),
                message: refused.to_string(),
                retry_after_ms: u64::try_from(RETRY.as_millis()).unwrap_or(u64::MAX),
            },
            Self::Answered(verdict) => verdict,
        }
    }
}

/// Judges one receipt against its request; pure.
fn judge(receipt: &Receipt, request: Option<&LockedRequest>, known: &HashMap<Uuid, Stamp>) -> Judged {
    let void =
        |code: &str, message: String| Judged::Answered(Verdict::Void { code: code.to_owned(), message });
    let park =
        |code: &str, message: String| Judged::Answered(Verdict::Park { code: code.to_owned(), message });
    let id = receipt.request_id;
    let Some(request) = request else {
        return void("HUB-3004", format!("no request {id} exists; the hub never sent this demand"));
    };
    if request.registry != receipt.registry {
        return park(
            "HUB-3005",
            format!("request {id} is addressed to registry {}, not {}", request.registry, receipt.registry),
        );
    }
    if request.message_id != receipt.message_id {
        return park(
            "HUB-3007",
            format!("message {} is not the message of request {id}", receipt.message_id),
        );
    }
    if request.body_sha256 != receipt.body_sha256 {
        return park("HUB-3006", format!("request {id} was accepted with other bytes than were delivered"));
    }
    if let Some(stamp) = known.get(&id) {
        return Judged::Answered(Verdict::Repeated(stamp.clone()));
    }
    match request.state.on(Event::ReceiptRecorded) {
        Ok(_) => Judged::Wanted(id),
        Err(_) => void(
            "HUB-3003",
            format!("request {id} is {}; it gets no receipt for this delivery", request.state),
        ),
    }
}

/// The reports to be stamped, each request once, in the order in which they came.
fn unique<'a>(reports: &'a [Report], judged: &[Judged]) -> Vec<&'a Report> {
    let mut seen = HashSet::new();
    reports
        .iter()
        .zip(judged)
        .filter(|(report, judged)| {
            matches!(judged, Judged::Wanted(_)) && seen.insert(report.receipt.request_id)
        })
        .map(|(report, _)| report)
        .collect()
}

/// The lines of the reports to be stamped.
fn drafts(wanted: &[&Report], locked: &BTreeMap<Uuid, LockedRequest>) -> Vec<Draft> {
    let draft = |report: &&Report| {
        let receipt = &report.receipt;
        let body = &locked[&receipt.request_id].body_sha256;
        Draft {
            registry: receipt.registry.clone(),
            request_id: receipt.request_id,
            message_id: receipt.message_id,
            body_sha256: hex::decode(body.as_str()).expect("a digest is hexadecimal"),
            channel: Channel::Net,
            delivered_at: None,
            attempt: i32::try_from(receipt.attempt).unwrap_or(i32::MAX),
            reporter: report.connector.clone(),
            evidence: Evidence {
                push_started_at: Some(receipt.push_started_at),
                push_answered_at: Some(receipt.push_answered_at),
                local_reference: receipt.local_reference.clone(),
                local_received_at: receipt.local_received_at,
                evidence_id: None,
            },
        }
    };
    wanted.iter().map(draft).collect()
}

/// Keeps which mapping made the local message, so that it can be told later what the registry was shown.
fn mapped(receipt: &Receipt, at: Timestamp) -> Option<NewEvent> {
    let mapping = receipt.mapping.as_ref()?;
    let detail = json!({ "mapping": mapping });
    Some(NewEvent { at, kind: "mapped", request_id: Some(receipt.request_id), detail })
}

/// Keeps the refusal, so that nobody has to guess later why there is no receipt.
async fn note_refusal(
    tx: &Transaction<'_>,
    refused: &ClockError,
    wanted: &[&Report],
) -> Result<(), StoreError> {
    let events: Vec<NewEvent> = wanted
        .iter()
        .map(|report| NewEvent {
            at: Timestamp::now(),
            kind: "clock_refused",
            request_id: Some(report.receipt.request_id),
            detail: json!({ "code": refused.code(), "why": refused.to_string() }),
        })
        .collect();
    requests::write_events(tx, &events).await
}
