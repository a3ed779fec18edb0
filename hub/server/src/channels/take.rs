//! One demand that its registry holds already: everything of it in the caller's transaction, or nothing.
//!
//! Locks: the registry's ledger head, which the caller took by [`open`], then the lanes, then the standing requests of the
//! units by id; when a dispute follows, the audit's head and the courts' streams. Intake takes lanes and nothing after them, so
//! nobody waits in a ring.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;
use xiezhi_domain::{
    Event, State,
    late::{Moved, moved_by},
    order::Received,
};
use xiezhi_schemas::{
    address::RegistryCode,
    identifier::UnitCode,
    message::{Channel, Stamp},
};

use crate::{
    intake::{
        accept::{self, Places},
        check::Checked,
    },
    ledger::{
        chain,
        clock::ClockError,
        pen::{self, Draft},
        trusted::{Trusted, TrustedClock},
    },
    matters::{Conflict, open_conflicts},
    store::{
        StoreError, Transaction,
        demands::{self, Arrival, NewDemand, NewRequest, Shared},
        ledger::{self, Evidence, Head},
        requests::{self, Changes, LockedRequest, NewEvent},
    },
    telemetry,
};

/// The ledger of one registry, opened for writing: its head is locked until the transaction ends.
#[derive(Debug)]
pub(super) struct Open {
    heads: BTreeMap<RegistryCode, Head>,
    registry: RegistryCode,
    /// The trusted reading of this transaction.
    pub(super) clock: Trusted,
    /// The time that the next line gets.
    pub(super) recorded_at: Timestamp,
}

/// Locks the registry's head and reads the clock.
///
/// # Errors
/// When the database fails; inside, why nothing may be stamped now.
///
/// # Panics
/// When the registry is not in the directory: the caller's principal or message was checked against it.
pub(super) async fn open(
    tx: &Transaction<'_>,
    clock: &TrustedClock,
    registry: &RegistryCode,
) -> Result<Result<Open, ClockError>, StoreError> {
    let registries = std::slice::from_ref(registry);
    let heads = ledger::lock_heads(tx, registries, |code| chain::genesis(code.as_str())).await?;
    Ok(clock.now(tx, registries.iter(), &heads).await?.map(|clock| {
        let recorded_at = pen::next_time(&heads[registry], clock.now);
        Open { heads, registry: registry.clone(), clock, recorded_at }
    }))
}

/// A demand to be taken.
#[derive(Debug)]
pub(super) struct Taking<'a> {
    /// Whose demand: the clerk, or the court's code.
    pub(super) sender: &'a str,
    /// Its number, unique for the sender.
    pub(super) demand_id: &'a str,
    /// The checked demand; every unit lies with the registry.
    pub(super) good: &'a Checked,
    /// The bytes received.
    pub(super) bytes: &'a [u8],
    /// SHA-256 of their canonical form.
    pub(super) body_sha256: &'a [u8],
    /// How it came.
    pub(super) channel: Channel,
    /// Why not by the network.
    pub(super) channel_reason: &'a str,
    /// 送达时点.
    pub(super) delivered_at: Timestamp,
    /// The record that proves it.
    pub(super) evidence_id: Uuid,
    /// Number in the local system.
    pub(super) local_reference: Option<String>,
    /// The clerk or connector that told.
    pub(super) reporter: &'a str,
    /// Whether its documents are in the store here.
    pub(super) stores_documents: bool,
    /// The announced outage it falls into.
    pub(super) outage_id: Option<Uuid>,
}

/// One request that was received.
#[derive(Debug)]
pub(super) struct Taken {
    /// Which unit, from 1.
    pub(super) unit_index: u16,
    /// Code of the unit.
    pub(super) unit_code: UnitCode,
    /// The request.
    pub(super) request_id: Uuid,
    /// Its line.
    pub(super) stamp: Stamp,
}

/// Standing receipts of these units that an instant would pass.
pub(super) async fn passed(
    tx: &Transaction<'_>,
    open: &Open,
    good: &Checked,
    delivered_at: Timestamp,
) -> Result<bool, StoreError> {
    let standing = requests::standing(tx, &open.registry, &units(good)).await?;
    Ok(standing.iter().any(|(_, other)| other.delivered_at > delivered_at))
}

fn units(good: &Checked) -> Vec<&str> {
    good.submission.units.iter().map(|unit| unit.unit_code.as_ref()).collect()
}

/// Writes demand, requests, receipts and what follows; `None` when the sender's number is taken, and then the caller must
/// roll back.
///
/// # Errors
/// When a statement fails.
pub(super) async fn take(
    tx: &Transaction<'_>,
    mut open: Open,
    taking: &Taking<'_>,
) -> Result<Option<Vec<Taken>>, StoreError> {
    let new = place(tx, &open, taking).await?;
    let Some(new) = new else { return Ok(None) };
    let standing = lock_standing(tx, &open, taking.good).await?;
    let mut changes = Changes::default();
    let mut locked: Vec<LockedRequest> = new.iter().map(|request| as_locked(taking, request)).collect();
    let received: Vec<&LockedRequest> = locked.iter().collect();
    pen::note_overtaken(tx, &mut changes, &received, open.clock.now).await?;
    let drafts = new.iter().map(|request| draft(taking, request)).collect();
    let receipts = pen::write(&mut open.heads, open.clock.now, drafts);
    ledger::append(tx, open.clock.error_us, &receipts, &open.heads).await?;
    let event = match taking.channel {
        Channel::Net => Event::ReceiptRecorded,
        Channel::P2p => Event::LocalReceiptReported,
        Channel::Window => Event::WindowRecorded,
    };
    for (request, receipt) in locked.iter_mut().zip(&receipts) {
        changes
            .transition(request, event, receipt.recorded_at, taking.reporter, "receipt")
            .expect("a request that was placed a moment ago is in flight");
    }
    let mut conflicts = Vec::new();
    for (request, receipt) in new.iter().zip(&receipts) {
        let newcomer = Received {
            request_id: request.request_id,
            kind: taking.good.submission.kind,
            delivered_at: receipt.delivered_at,
            no: receipt.no,
            state: State::Delivered,
        };
        conflicts.extend(note_moved(&mut changes, taking, request, newcomer, receipt.recorded_at, &standing));
    }
    changes.write(tx).await?;
    open_conflicts(tx, &conflicts).await?;
    let of_unit = taking.good.submission.units.iter();
    let taken = new.iter().zip(&receipts).zip(of_unit).map(|((request, receipt), unit)| Taken {
        unit_index: request.unit_index.unsigned_abs(),
        unit_code: unit.unit_code.clone(),
        request_id: request.request_id,
        stamp: pen::stamp(receipt),
    });
    Ok(Some(taken.collect()))
}

/// Demand and requests, each in its lane.
async fn place(
    tx: &Transaction<'_>,
    open: &Open,
    taking: &Taking<'_>,
) -> Result<Option<Vec<NewRequest>>, StoreError> {
    let good = taking.good;
    let lanes: Vec<String> = units(good).iter().map(|unit| format!("{}/{unit}", open.registry)).collect();
    let asked: Vec<&str> = lanes.iter().map(String::as_str).collect();
    let mut places = Places::default();
    for lane in demands::advance_lanes(tx, &asked).await? {
        places.add(&asked, lane);
    }
    // Not the lanes' later clock: nothing is received before it is accepted.
    let accepted_at = open.clock.now;
    let (submission, as_good) = (&good.submission, good.as_good());
    let new: Vec<NewRequest> = lanes
        .iter()
        .enumerate()
        .map(|(index, lane)| {
            let place = (lane.as_str(), places.take(lane));
            accept::request(taking.sender, &as_good, index, place, accepted_at)
        })
        .collect();
    let ids: Vec<Uuid> = new.iter().map(|request| request.request_id).collect();
    let demand = NewDemand {
        sender: taking.sender,
        demand_id: taking.demand_id,
        body_sha256: taking.body_sha256.to_vec(),
        submission: taking.bytes,
        answer: json!({ "channel": taking.channel, "evidence_id": taking.evidence_id, "requests": ids }),
        accepted_at,
    };
    if demands::insert(tx, &[demand]).await? == 0 {
        return Ok(None);
    }
    let mut documents: Vec<&str> = submission.attachments.iter().map(|a| a.sha256.as_str()).collect();
    documents.sort_unstable();
    documents.dedup();
    if !taking.stores_documents {
        documents.clear();
    }
    let traceparent = telemetry::traceparent();
    let shared = Shared {
        sender: taking.sender,
        demand_id: taking.demand_id,
        kind: submission.kind.as_str(),
        court_code: submission.court.code.as_ref(),
        case_number: submission.case_number.as_ref(),
        judgment_number: submission.judgment_number.as_ref(),
        original_case_number: submission.original_case_number.as_ref().map(AsRef::as_ref),
        traceparent: traceparent.as_deref(),
        accepted_at,
        documents,
    };
    let arrival = Arrival { channel: taking.channel, reason: taking.channel_reason, actor: taking.reporter };
    demands::place_received(tx, &shared, arrival, &new).await?;
    Ok(Some(new))
}

/// The standing receipts of the units with their requests locked, those that lost their rank meanwhile left out.
async fn lock_standing(
    tx: &Transaction<'_>,
    open: &Open,
    good: &Checked,
) -> Result<Vec<(String, Received)>, StoreError> {
    let standing = requests::standing(tx, &open.registry, &units(good)).await?;
    let ids: Vec<Uuid> = standing.iter().map(|(_, one)| one.request_id).collect();
    let locked = requests::lock(tx, &ids).await?;
    // Whether it still has a rank the order itself asks.
    let now = |(unit, one): (String, Received)| {
        let state = locked.get(&one.request_id)?.state;
        Some((unit, Received { state, ..one }))
    };
    Ok(standing.into_iter().filter_map(now).collect())
}

fn as_locked(taking: &Taking<'_>, request: &NewRequest) -> LockedRequest {
    let registry: RegistryCode = request.registry.parse().expect("it was a registry's code a moment ago");
    LockedRequest {
        request_id: request.request_id,
        sender: taking.sender.to_owned(),
        kind: taking.good.submission.kind,
        province: registry.province(),
        registry,
        lane: request.lane.clone(),
        lane_seq: request.lane_seq,
        message_id: request.message_id,
        body_sha256: hex::encode(&request.body_sha256).parse().expect("32 bytes make a digest"),
        state: State::INITIAL,
        state_n: 1,
        attempt: 1,
    }
}

fn draft(taking: &Taking<'_>, request: &NewRequest) -> Draft {
    Draft {
        registry: request.registry.parse().expect("it was a registry's code a moment ago"),
        request_id: request.request_id,
        message_id: request.message_id,
        body_sha256: request.body_sha256.clone(),
        channel: taking.channel,
        delivered_at: Some(taking.delivered_at),
        attempt: 1,
        reporter: taking.reporter.to_owned(),
        evidence: Evidence {
            local_reference: taking.local_reference.clone(),
            local_received_at: (taking.channel == Channel::P2p).then_some(taking.delivered_at),
            evidence_id: Some(taking.evidence_id),
            ..Evidence::default()
        },
    }
}

/// An event that names every request of the unit that moved, and an alarm when one of them is registered already: what
/// stands in the register is never reordered by the hub. Courts that disagree take that to their common superior court
/// (报共同上级人民法院协调处理), for which a dispute is to be opened.
fn note_moved(
    changes: &mut Changes,
    taking: &Taking<'_>,
    request: &NewRequest,
    newcomer: Received,
    at: Timestamp,
    standing: &[(String, Received)],
) -> Option<Conflict> {
    let of_unit = standing.iter().filter(|(unit, _)| *unit == request.unit_key);
    let of_unit: Vec<Received> = of_unit.map(|(_, one)| *one).collect();
    let moved = moved_by(&of_unit, newcomer);
    if moved.is_empty() {
        return None;
    }
    let named: Vec<Value> = moved.iter().map(named).collect();
    let detail = json!({
        "unit": request.unit_key, "registry": request.registry, "channel": taking.channel, "no": newcomer.no,
        "delivered_at": newcomer.delivered_at, "recorded_at": at, "evidence_id": taking.evidence_id,
        "outage_id": taking.outage_id, "moved": named,
    });
    let event = |kind: &'static str, detail: Value| NewEvent {
        at,
        kind,
        request_id: Some(request.request_id),
        detail,
    };
    tracing::warn!(request_id = %request.request_id, moved = moved.len(), channel = %taking.channel, "the order changed");
    changes.event(event("order_changed", detail.clone()));
    let registered: Vec<Uuid> = moved
        .iter()
        .map(|m| m.receipt)
        .filter(|r| r.state == State::Registered)
        .map(|r| r.request_id)
        .collect();
    if registered.is_empty() {
        return None;
    }
    let dispute_id = Uuid::now_v7();
    tracing::error!(
        request_id = %request.request_id, registered = registered.len(), %dispute_id,
        "an earlier receipt was entered after later demands were registered; people must decide, nothing is reordered"
    );
    let mut detail = detail;
    detail["registered"] = json!(registered);
    detail["rule"] = json!("R53");
    detail["dispute_id"] = json!(dispute_id);
    changes.event(event("order_conflict", detail));
    let reason = format!(
        "{} papers received at {} were recorded at {at} and stand before {} demand(s) registered already; \
         the register stays as it is",
        taking.channel,
        newcomer.delivered_at,
        registered.len()
    );
    let (unit_key, registry) = (request.unit_key.clone(), request.registry.clone());
    Some(Conflict { dispute_id, request_id: request.request_id, unit_key, registry, reason })
}

fn named(moved: &Moved) -> Value {
    let Received { request_id, state, .. } = moved.receipt;
    json!({ "request_id": request_id, "state": state, "from": moved.from, "to": moved.to })
}
