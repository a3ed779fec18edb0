//! Demands that reach the county over its own link (点对点): received and decided like any other, reported to the hub
//! afterwards. Until the hub has given its request ids, the county knows them by ids of its own, and offers no outcome.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::filing::Filing;

/// Body of `POST /_sim/local-demands`: what a court sent over the link.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkOrder {
    /// The registry that received it.
    pub registry: String,
    /// Number under which the link's system keeps it.
    pub number: String,
    /// When it received it; without it, now.
    pub received_at: Option<Timestamp>,
    /// The person who took it there.
    pub operator: Option<String>,
    /// The demand in the published form of a submission.
    pub demand: Value,
}

impl LinkOrder {
    /// The local system's record, the evidence of the instant.
    pub(super) fn local(&self, now: Timestamp) -> Value {
        let mut local = json!({"number": self.number, "received_at": self.received_at.unwrap_or(now),
            "system": "虚构点对点查控系统"});
        if let Some(operator) = &self.operator {
            local["operator"] = json!(operator);
        }
        local
    }
}

struct Link {
    receipt_id: String,
    local: Value,
    demand: Value,
    filings: Vec<Uuid>,
    /// Whether it is on disk, so that it may be told.
    durable: bool,
    verdict: Option<Value>,
}

/// What came over the links of all registries.
#[derive(Default)]
pub(super) struct Links {
    offices: BTreeMap<String, Vec<Link>>,
    /// The county's own ids, and the hub's once it gave them.
    known_as: HashMap<Uuid, Option<Uuid>>,
}

impl Links {
    /// The id under which the next receipt of a registry is offered.
    pub(super) fn next_id(&self, registry: &str) -> String {
        let number = self.offices.get(registry).map_or(0, Vec::len) + 1;
        format!("DD{registry}-{number:07}")
    }

    /// Takes in what came.
    pub(super) fn add(
        &mut self,
        registry: &str,
        receipt_id: String,
        local: Value,
        demand: Value,
        filings: &[Filing],
    ) {
        let filings: Vec<Uuid> = filings.iter().map(|filing| filing.request_id).collect();
        self.known_as.extend(filings.iter().map(|id| (*id, None)));
        let link = Link { receipt_id, local, demand, filings, durable: false, verdict: None };
        self.offices.entry(registry.to_owned()).or_default().push(link);
    }

    /// The line of this receipt is on disk: it may be offered.
    pub(super) fn open(&mut self, registry: &str, receipt_id: &str) {
        let mut links = self.offices.get_mut(registry).into_iter().flatten();
        if let Some(link) = links.find(|link| link.receipt_id == receipt_id) {
            link.durable = true;
        }
    }

    /// The oldest receipts about which the hub has not spoken.
    pub(super) fn offers(&self, registry: &str, limit: usize) -> Vec<Value> {
        let open = |link: &&Link| link.durable && link.verdict.is_none();
        let offer = |link: &Link| json!({"id": link.receipt_id, "local": link.local, "demand": link.demand});
        self.offices.get(registry).into_iter().flatten().filter(open).take(limit).map(offer).collect()
    }

    /// Takes in what the hub said; whether it was news.
    pub(super) fn settle(&mut self, registry: &str, receipt_id: &str, verdict: &Value) -> bool {
        let mut links = self.offices.get_mut(registry).into_iter().flatten();
        let Some(link) = links.find(|link| link.receipt_id == receipt_id) else { return false };
        if link.verdict.is_some() {
            return false;
        }
        for request in verdict["requests"].as_array().into_iter().flatten() {
            let unit = request["unit_index"].as_u64().and_then(|n| usize::try_from(n).ok()?.checked_sub(1));
            let id = request["request_id"].as_str().and_then(|id| id.parse::<Uuid>().ok());
            if let Some((own, id)) = unit.and_then(|unit| link.filings.get(unit)).zip(id) {
                self.known_as.insert(*own, Some(id));
            }
        }
        link.verdict = Some(verdict.clone());
        true
    }

    /// The hub's id for one of the county's own; none while it has none.
    pub(super) fn known_as(&self, id: Uuid) -> Option<Uuid> {
        self.known_as.get(&id).copied().unwrap_or(Some(id))
    }

    /// Everything that came, with what the hub said about it.
    pub(super) fn list(&self) -> Value {
        let shown =
            |link: &Link| json!({"id": link.receipt_id, "local": link.local, "verdict": link.verdict});
        let office = |links: &Vec<Link>| links.iter().map(shown).collect::<Vec<_>>();
        self.offices.iter().map(|(registry, links)| (registry.clone(), json!(office(links)))).collect()
    }
}
