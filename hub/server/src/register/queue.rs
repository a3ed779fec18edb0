//! The queue of a unit: every demand with its place in the order of delivery and where its seizure stands. Pure.
//!
//! Places and positions need all demands of the unit; words are found for the lines of one page only.

use std::collections::{BTreeSet, HashMap};

use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use xiezhi_domain::{
    State,
    order::{Received, SuperiorDecision, order},
    register::{self, Anomaly, Code, Place, Seizure, Stand, WaitingRule, next},
};
use xiezhi_schemas::message::Kind;

use crate::store::{
    disputes::Decision,
    units::{Demanded, Stood},
};

/// One demand in the queue of a unit.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "QueueLine")]
pub struct Line {
    /// 顺位: place among the received demands of the unit, from 1, by receipt or as a superior court decided; absent while a demand has none or has lost it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<usize>,
    /// Where its seizure stands: 正式, 轮候 1 …, 已解除 or 已失效; absent for demands that brought no seizure about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// Whose demand it is; absent for a court that reads of another court's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demand: Option<Named>,
    /// `seizure`, `renewal`, `lifting` or `waiting`.
    pub kind: Kind,
    /// State of the request.
    pub state: State,
    /// `net`, `p2p` or `window`; absent without a receipt, like the next two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// 送达.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
    /// Number of the receipt at the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_no: Option<i64>,
    /// What the register says of its seizure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seizure: Option<SeizureView>,
    /// What does not agree with the order of delivery.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disagreements: Vec<Code>,
    /// The decision that gave it its place; absent while its place is that by receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
    /// Why it stands where it stands, in a sentence.
    pub why: String,
}

/// The decision of the common superior court (共同上级人民法院) that orders a demand.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "QueueDecision")]
pub struct Decided {
    /// The dispute that it settled.
    pub dispute_id: Uuid,
    /// 法院代字 of the court that decided.
    pub decided_by: String,
    /// The day of its document.
    pub decided_on: Date,
    /// Number of its document.
    pub document_number: String,
    /// Digest of its document.
    pub document_sha256: String,
    /// The place that the demand would have by receipt, from 1.
    pub place_by_receipt: usize,
}

/// What names a demand.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "QueueDemand")]
pub struct Named {
    /// Id in the hub.
    pub request_id: Uuid,
    /// Who sent it.
    pub sender: String,
    /// The court's own number of the demand.
    pub demand_id: String,
    /// Code of the executing court.
    pub court_code: String,
    /// 执行案号.
    pub case_number: String,
    /// 原查封案号.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_case_number: Option<String>,
    /// When the hub accepted it; of no weight in the order.
    pub accepted_at: Timestamp,
}

/// A seizure as the register has it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SeizureView {
    /// 登簿时间.
    pub registered_at: Timestamp,
    /// The place it was registered in: 正式 or 轮候 1 ….
    pub registered_place: String,
    /// First day of the period.
    pub period_from: Date,
    /// Last day of the period; it lapses at 24:00 of it, Asia/Shanghai.
    pub period_to: Date,
    /// The rule of a waiting period: decided at registration and kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<WaitingRule>,
    /// Since when it is formal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formal_since: Option<Timestamp>,
    /// When it was lifted or lapsed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

impl From<&Seizure> for SeizureView {
    fn from(seizure: &Seizure) -> Self {
        let (formal_since, ended_at) = match seizure.stand {
            Stand::Formal { since } => (Some(since), None),
            Stand::Waiting => (None, None),
            Stand::Lifted { at, .. } | Stand::Lapsed { at } => (None, Some(at)),
        };
        Self {
            registered_at: seizure.registered_at,
            registered_place: seizure.registered_place.to_string(),
            period_from: seizure.term.from,
            period_to: seizure.term.to,
            rule: seizure.rule,
            formal_since,
            ended_at,
        }
    }
}

/// Place of a line in the list: received ones first, by receipt; then the others, by acceptance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) without_place: bool,
    pub(super) at: Timestamp,
    pub(super) no: i64,
    pub(super) request_id: Uuid,
}

/// The demand whose turn it is (依次办理). For people: the hub registers nothing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Turn {
    /// Its place in the order of delivery.
    pub place: usize,
    /// What it demands.
    pub kind: Kind,
    /// For a seizure, the position that the order and the register leave for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
}

/// The demands of a unit in their order, with what the words about each are made of.
pub(super) struct Outline<'a> {
    entries: Vec<Entry<'a>>,
    decision: Option<&'a Decision>,
    /// Places by receipt of the demands that the decision orders.
    by_receipt: HashMap<Uuid, usize>,
    positions: HashMap<Uuid, Place>,
    expected: HashMap<Uuid, Place>,
    disagreements: HashMap<Uuid, BTreeSet<Code>>,
    /// Whose turn it is.
    pub(super) turn: Option<Turn>,
}

/// One demand at its place.
pub(super) struct Entry<'a> {
    place: Option<usize>,
    key: Key,
    demand: &'a Demanded,
}

impl Entry<'_> {
    pub(super) fn request_id(&self) -> Uuid {
        self.demand.request_id
    }
}

impl<'a> Outline<'a> {
    pub(super) fn new(
        demands: &'a [Demanded],
        seizures: &[Stood],
        disagreements: &[Anomaly],
        decision: Option<(&'a Decision, SuperiorDecision)>,
    ) -> Self {
        let (decision, decided) = decision.unzip();
        let receipts: Vec<Received> = demands.iter().filter_map(received).collect();
        let ordered = order(&receipts, decided.as_ref());
        let ranks = places(&ordered);
        let by_receipt = decision.map_or_else(HashMap::new, |decision| {
            let mut places = places(&order(&receipts, None));
            places.retain(|id, _| decision.request_ids.contains(id));
            places
        });
        let standing = seizures.iter().filter(|seizure| seizure.stands);
        let positions: HashMap<Uuid, Place> =
            register::places(standing.map(|seizure| (seizure.request_id, seizure.waits)))
                .into_iter()
                .collect();
        let mut entries: Vec<Entry<'_>> = demands
            .iter()
            .map(|demand| {
                let place = ranks.get(&demand.request_id).copied();
                Entry { place, key: key(demand, place.is_none()), demand }
            })
            .collect();
        entries.sort_by_key(|entry| (entry.place.is_none(), entry.place, entry.key));
        let turn = next(&ordered, positions.len()).map(|expected| Turn {
            place: ranks[&expected.request_id],
            kind: expected.kind,
            position: expected.place.map(|place| place.to_string()),
        });
        let mut codes: HashMap<Uuid, BTreeSet<Code>> = HashMap::new();
        for one in disagreements {
            codes.entry(one.request_id()).or_default().insert(one.code());
        }
        Self {
            entries,
            decision,
            by_receipt,
            expected: expected(&ordered, positions.len()),
            positions,
            disagreements: codes,
            turn,
        }
    }

    /// Leaves out demands; the others keep their places.
    pub(super) fn retain(&mut self, keep: impl Fn(&Demanded) -> bool) {
        self.entries.retain(|entry| keep(entry.demand));
    }

    /// At most `limit` demands after the one with which the page before ended, and the key of the last one if there are more.
    pub(super) fn page(&self, last: Option<Key>, limit: usize) -> (&[Entry<'a>], Option<Key>) {
        let rest = &self.entries[self.after(last)..];
        let page = &rest[..limit.min(rest.len())];
        let next = page.last().filter(|_| rest.len() > page.len()).map(|entry| entry.key);
        (page, next)
    }

    /// Where the page after `last` begins. A line that lost its place meanwhile is looked for by its key; where a court decided
    /// the order, keys do not say who was read already, and reading begins anew rather than leave anybody out.
    fn after(&self, last: Option<Key>) -> usize {
        let Some(last) = last else { return 0 };
        match self.entries.iter().position(|entry| entry.key == last) {
            Some(at) => at + 1,
            None if self.decision.is_some() => 0,
            None => self.entries.partition_point(|entry| entry.key < last),
        }
    }

    /// What is said about a demand, given what the register says of its seizure.
    pub(super) fn line(&self, entry: &Entry<'_>, seizure: Option<&Seizure>) -> Line {
        let demand = entry.demand;
        let id = demand.request_id;
        let standing = self.positions.get(&id).copied();
        let decided = self.decided(id);
        Line {
            why: why(demand, seizure, standing, self.expected.get(&id).copied(), decided.as_ref()),
            place: entry.place,
            position: seizure.map(|seizure| position(seizure, standing)),
            demand: Some(named(demand)),
            kind: demand.kind,
            state: demand.state,
            channel: demand.receipt.as_ref().map(|r| r.channel.clone()),
            delivered_at: demand.receipt.as_ref().map(|r| r.delivered_at),
            receipt_no: demand.receipt.as_ref().map(|r| r.no),
            seizure: seizure.map(SeizureView::from),
            disagreements: self.disagreements.get(&id).into_iter().flatten().copied().collect(),
            decided,
        }
    }

    fn decided(&self, request_id: Uuid) -> Option<Decided> {
        let place_by_receipt = *self.by_receipt.get(&request_id)?;
        let decision = self.decision?;
        Some(Decided {
            dispute_id: decision.dispute_id,
            decided_by: decision.decided_by.clone(),
            decided_on: decision.decided_on,
            document_number: decision.document_number.clone(),
            document_sha256: decision.document_sha256.clone(),
            place_by_receipt,
        })
    }
}

/// Each request's place, from 1.
fn places(ordered: &[Received]) -> HashMap<Uuid, usize> {
    ordered.iter().enumerate().map(|(at, received)| (received.request_id, at + 1)).collect()
}

fn received(demand: &Demanded) -> Option<Received> {
    let receipt = demand.receipt.as_ref()?;
    let (request_id, kind, state) = (demand.request_id, demand.kind, demand.state);
    Some(Received { request_id, kind, delivered_at: receipt.delivered_at, no: receipt.no, state })
}

/// Where each seizure that waits to be registered would come, were the order followed from now on.
fn expected(ordered: &[Received], standing: usize) -> HashMap<Uuid, Place> {
    ordered
        .iter()
        .filter(|r| r.state == State::Delivered && matches!(r.kind, Kind::Seizure | Kind::Waiting))
        .zip(standing..)
        .map(|(received, ahead)| {
            (received.request_id, Place::behind(u32::try_from(ahead).unwrap_or(u32::MAX)))
        })
        .collect()
}

fn position(seizure: &Seizure, place: Option<Place>) -> String {
    match (seizure.stand, place) {
        (_, Some(place)) => place.to_string(),
        (Stand::Lapsed { .. }, None) => "已失效".to_owned(),
        (_, None) => "已解除".to_owned(),
    }
}

fn named(demand: &Demanded) -> Named {
    Named {
        request_id: demand.request_id,
        sender: demand.sender.clone(),
        demand_id: demand.demand_id.clone(),
        court_code: demand.court_code.clone(),
        case_number: demand.case_number.clone(),
        original_case_number: demand.original_case_number.clone(),
        accepted_at: demand.accepted_at,
    }
}

fn key(demand: &Demanded, without_place: bool) -> Key {
    let request_id = demand.request_id;
    match &demand.receipt {
        Some(receipt) if !without_place => {
            Key { without_place, at: receipt.delivered_at, no: receipt.no, request_id }
        }
        _ => Key { without_place, at: demand.accepted_at, no: 0, request_id },
    }
}

fn why(
    demand: &Demanded,
    seizure: Option<&Seizure>,
    place: Option<Place>,
    expected: Option<Place>,
    decided: Option<&Decided>,
) -> String {
    let since = demand.receipt.as_ref().map(|receipt| {
        format!("received {} as no {} of registry {}", receipt.delivered_at, receipt.no, demand.registry)
    });
    let mut received = since.unwrap_or_else(|| "not received".to_owned());
    if let Some(Decided { decided_by, decided_on, document_number, place_by_receipt, .. }) = decided {
        let words = format!(
            " (place {place_by_receipt} by receipt); placed by {document_number} of {decided_by}, {decided_on}"
        );
        received.push_str(&words);
    }
    match (demand.state, seizure.map(|seizure| seizure.stand), place) {
        (State::InFlight, ..) => {
            "on the road: it has no place before the registry receives it (送达)".to_owned()
        }
        (State::Undelivered, ..) => {
            "未送达: it has no place; a replay takes the place of its own, later receipt".to_owned()
        }
        (State::Closed, ..) => "given up without a receipt; the court must send anew".to_owned(),
        (State::Returned, ..) => format!("{received}; 退回: it counts as not delivered and lost its place"),
        (State::Withdrawn, ..) => {
            format!("{received}; withdrawn at the court's written request, its place is lost")
        }
        (State::Delivered, ..) => match expected {
            Some(place) => format!("{received}; not registered yet: {place} if the order is followed"),
            None => format!("{received}; not registered yet"),
        },
        (State::Registered, Some(Stand::Formal { since }), _) => {
            format!("{received}; 正式 since {since}: nothing stands before it")
        }
        (State::Registered, Some(Stand::Waiting), Some(Place::Waiting(n))) => {
            format!("{received}; waits in place {n} behind what was registered before it")
        }
        (State::Registered, Some(Stand::Lifted { at, by }), _) => {
            format!("{received}; lifted (解封) at {at} by request {by}")
        }
        (State::Registered, Some(Stand::Lapsed { at }), _) => {
            format!("{received}; lapsed at {at}: its period ended unrenewed")
        }
        (State::Registered, ..) => format!("{received}; registered, and changes another seizure or none"),
    }
}
