//! The queue of a unit: every demand with its place in the order of delivery and where its seizure stands. Pure.

use std::collections::{HashMap, HashSet};

use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use xiezhi_domain::{
    State,
    order::{Received, SuperiorDecision, order},
    register::{Anomaly, Code, Place, Register, Seizure, Stand, WaitingRule, next},
};
use xiezhi_schemas::message::Kind;

use crate::store::units::Demanded;

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
    /// Why it stands where it stands, in a sentence.
    pub why: String,
    #[serde(skip)]
    key: Key,
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

impl Line {
    pub(super) fn key(&self) -> Key {
        self.key
    }
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

/// The lines of a unit and whose turn it is.
pub(super) fn lines(
    demands: &[Demanded],
    register: &Register,
    disagreements: &[Anomaly],
    decision: Option<&SuperiorDecision>,
) -> (Vec<Line>, Option<Turn>) {
    let receipts: Vec<Received> = demands.iter().filter_map(received).collect();
    let ordered = order(&receipts, decision);
    let ranks: HashMap<Uuid, usize> =
        ordered.iter().enumerate().map(|(at, received)| (received.request_id, at + 1)).collect();
    let positions: HashMap<Uuid, Place> = register.places().into_iter().collect();
    let seizures: HashMap<Uuid, &Seizure> = register.all().iter().map(|s| (s.request_id, s)).collect();
    let expected = expected(&ordered, positions.len());
    let mut lines: Vec<Line> = demands
        .iter()
        .map(|demand| {
            let id = demand.request_id;
            let seizure = seizures.get(&id).copied();
            let place = ranks.get(&id).copied();
            let position = seizure.map(|seizure| position(seizure, positions.get(&id).copied()));
            let codes: HashSet<Code> =
                disagreements.iter().filter(|one| one.request_id() == id).map(Anomaly::code).collect();
            let mut disagreements: Vec<Code> = codes.into_iter().collect();
            disagreements.sort_unstable();
            Line {
                why: why(demand, seizure, positions.get(&id).copied(), expected.get(&id).copied()),
                place,
                position,
                demand: Some(named(demand)),
                kind: demand.kind,
                state: demand.state,
                channel: demand.receipt.as_ref().map(|r| r.channel.clone()),
                delivered_at: demand.receipt.as_ref().map(|r| r.delivered_at),
                receipt_no: demand.receipt.as_ref().map(|r| r.no),
                seizure: seizure.map(SeizureView::from),
                disagreements,
                key: key(demand, place.is_none()),
            }
        })
        .collect();
    lines.sort_by(|a, b| rank(a).cmp(&rank(b)).then(a.key.cmp(&b.key)));
    let turn = next(&ordered, register).map(|expected| Turn {
        place: ranks[&expected.request_id],
        kind: expected.kind,
        position: expected.place.map(|place| place.to_string()),
    });
    (lines, turn)
}

fn rank(line: &Line) -> (bool, Option<usize>) {
    (line.place.is_none(), line.place)
}

/// Lines after the line with which an earlier page ended. A line that lost its place meanwhile is looked for by its key.
pub(super) fn after(lines: &[Line], last: Option<Key>) -> &[Line] {
    let Some(last) = last else { return lines };
    let found = lines.iter().position(|line| line.key == last);
    let from = found.map_or_else(|| lines.partition_point(|line| line.key < last), |at| at + 1);
    &lines[from..]
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
) -> String {
    let since = demand.receipt.as_ref().map(|receipt| {
        format!("received {} as no {} of registry {}", receipt.delivered_at, receipt.no, demand.registry)
    });
    let received = since.unwrap_or_else(|| "not received".to_owned());
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
