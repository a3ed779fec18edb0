//! The desk: takes demands, decides them in the order in which they were taken, keeps outcomes until they are settled. All
//! of it can be rebuilt from the journal.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    filing::{Filing, Script},
    journal::{Durable, Event, Journal, Record},
    links::{LinkOrder, Links},
    outcome::{contradiction, conversion, declined, outcome, withdrawn},
    register::{Decision, Register, office_day, period_from},
};

type Key = (String, Uuid);

struct Held {
    filing: Filing,
    reference: String,
    received_at: Timestamp,
    voided: bool,
    decided: bool,
    offered: bool,
}

struct Offer {
    id: String,
    request_id: Uuid,
    outcome: Value,
}

#[derive(Default)]
struct Office {
    taken: u64,
    registered: u64,
    outcome_no: u64,
    duplicates: u64,
    turned: u64,
    voided: u64,
    settled: u64,
    offers: VecDeque<Offer>,
}

impl Office {
    /// Forgets an outcome; whether there was one. Outcomes are settled about in order, so it is found near the front.
    fn forget(&mut self, id: &str) -> bool {
        let place = self.offers.iter().position(|offer| offer.id == id);
        self.settled += u64::from(place.is_some());
        place.and_then(|place| self.offers.remove(place)).is_some()
    }
}

/// State of all registries of one process. The caller holds a lock around it, so that the journal's order is the state's.
pub(crate) struct Desk {
    decide_after: Duration,
    held: HashMap<Key, Held>,
    turned: HashMap<Key, Timestamp>,
    pending: VecDeque<(Instant, Key)>,
    register: Register,
    offices: BTreeMap<String, Office>,
    wishes: HashSet<Uuid>,
    links: Links,
}

/// A wish for withdrawal as it came.
pub(crate) struct Wish {
    pub(crate) registry: String,
    pub(crate) request_id: Uuid,
    pub(crate) withdrawal_id: Uuid,
    pub(crate) letter_sha256: String,
    /// Whether the test wants it declined.
    pub(crate) decline: bool,
}

/// What the desk says about a wish, once the line is on disk.
pub(crate) enum Wished {
    /// It holds no such demand.
    Unknown,
    /// It has the wish since before.
    Before,
    /// It has the wish now, and the answer is on its way to disk.
    Answered(Decided),
}

/// What the desk says about a delivery, once the line is on disk.
pub(crate) enum Taking {
    /// It is held, now or since before, under this reference.
    Held { reference: String, received_at: Timestamp, durable: Durable },
    /// It is held with another body.
    OtherBody(Durable),
    /// It was returned at the door, then.
    Turned(Timestamp),
}

/// A decision on its way to disk; offered afterwards.
pub(crate) struct Decided {
    key: Key,
    offers: Vec<Offer>,
    durable: Durable,
}

impl Desk {
    /// A desk with what the journal holds; whatever was taken and not decided is due at once.
    pub(crate) fn new(decide_after: Duration, records: Vec<Record>) -> Self {
        let mut desk = Self {
            decide_after,
            held: HashMap::new(),
            turned: HashMap::new(),
            pending: VecDeque::new(),
            register: Register::default(),
            offices: BTreeMap::new(),
            wishes: HashSet::new(),
            links: Links::default(),
        };
        let now = Instant::now();
        for record in records {
            desk.replay(record, now);
        }
        let held = &desk.held;
        desk.pending.retain(|(_, key)| held.get(key).is_some_and(|held| !held.decided));
        desk
    }

    fn replay(&mut self, Record { at, event, .. }: Record, now: Instant) {
        let office = self.offices.entry(event.registry().to_owned()).or_default();
        match event {
            Event::Taken { reference, filing } => {
                office.taken += 1;
                let key = (filing.registry.clone(), filing.request_id);
                if filing.script != Script::Hold {
                    self.pending.push_back((now, key.clone()));
                }
                let held = Held {
                    filing,
                    reference,
                    received_at: at,
                    voided: false,
                    decided: false,
                    offered: false,
                };
                self.held.insert(key, held);
            }
            Event::Duplicate { .. } => office.duplicates += 1,
            Event::Turned { registry, request_id } => {
                office.turned += 1;
                self.turned.insert((registry, request_id), at);
            }
            Event::Voided { registry, request_id, .. } => self.strike(&(registry, request_id)),
            Event::Decided { registry, request_id, outcome_id, echo, outcome } => {
                office.outcome_no += 1;
                office.offers.push_back(Offer { id: outcome_id, request_id, outcome });
                if let Some(held) = self.held.get_mut(&(registry, request_id)).filter(|_| !echo) {
                    held.decided = true;
                    held.offered = true;
                    if !matches!(self.register.decide(&held.filing, at), Decision::Returned(..)) {
                        office.registered += 1;
                    }
                }
            }
            Event::Converted { request_id, outcome_id, outcome, .. } => {
                office.outcome_no += 1;
                office.offers.push_back(Offer { id: outcome_id, request_id, outcome });
            }
            Event::Wished { registry, request_id, withdrawal_id, agreed, outcome_id, outcome, .. } => {
                office.outcome_no += 1;
                office.offers.push_back(Offer { id: outcome_id, request_id, outcome });
                self.wishes.insert(withdrawal_id);
                let key = (registry, request_id);
                if let Some(held) = self.held.get_mut(&key) {
                    held.decided |= agreed;
                    held.offered |= agreed;
                    if !agreed && held.filing.script == Script::Hold {
                        self.pending.push_back((now, key));
                    }
                }
            }
            Event::Linked { registry, receipt_id, local, demand, filings } => {
                self.hold(&filings, &receipt_id, at, now);
                self.links.add(&registry, receipt_id.clone(), local, demand, &filings);
                self.links.open(&registry, &receipt_id);
            }
            Event::LinkSettled { registry, receipt_id, verdict } => {
                self.links.settle(&registry, &receipt_id, &verdict);
            }
            Event::Settled { outcome_id, .. } => {
                office.forget(&outcome_id);
            }
        }
    }

    /// Holds what came over the link: it stands in the same line of work as what the connector delivers.
    fn hold(&mut self, filings: &[Filing], reference: &str, at: Timestamp, due: Instant) {
        for filing in filings {
            let key = (filing.registry.clone(), filing.request_id);
            if filing.script != Script::Hold {
                self.pending.push_back((due, key.clone()));
            }
            let held = Held {
                filing: filing.clone(),
                reference: reference.to_owned(),
                received_at: at,
                voided: false,
                decided: false,
                offered: false,
            };
            self.held.insert(key, held);
        }
    }

    /// Takes a demand of the county's own link; gives the id under which its receipt is offered.
    pub(crate) fn link(
        &mut self,
        order: LinkOrder,
        filings: Vec<Filing>,
        at: Timestamp,
        journal: &Journal,
    ) -> (String, Durable) {
        let receipt_id = self.links.next_id(&order.registry);
        let local = order.local(at);
        self.hold(&filings, &receipt_id, at, Instant::now() + self.decide_after);
        self.links.add(&order.registry, receipt_id.clone(), local.clone(), order.demand.clone(), &filings);
        let (registry, demand) = (order.registry, order.demand);
        let event = Event::Linked { registry, receipt_id: receipt_id.clone(), local, demand, filings };
        (receipt_id, journal.append(at, event))
    }

    /// What came over the links.
    pub(crate) fn links(&mut self) -> &mut Links {
        &mut self.links
    }

    /// Takes in what the hub said about a receipt of the link; none when it is no news.
    pub(crate) fn link_settled(
        &mut self,
        registry: &str,
        receipt_id: &str,
        verdict: Value,
        at: Timestamp,
        journal: &Journal,
    ) -> Option<Durable> {
        if !self.links.settle(registry, receipt_id, &verdict) {
            return None;
        }
        let (registry, receipt_id) = (registry.to_owned(), receipt_id.to_owned());
        Some(journal.append(at, Event::LinkSettled { registry, receipt_id, verdict }))
    }

    /// Takes one delivery; the same delivery again gives the same reference.
    pub(crate) fn take(&mut self, filing: Filing, at: Timestamp, journal: &Journal) -> Taking {
        let key = (filing.registry.clone(), filing.request_id);
        let office = self.offices.entry(filing.registry.clone()).or_default();
        if let Some(at) = self.turned.get(&key) {
            return Taking::Turned(*at);
        }
        // What was struck out is not held any more: when it is sent again, it is taken and decided anew.
        if let Some(held) = self.held.get(&key).filter(|held| !held.voided) {
            office.duplicates += 1;
            let same = held.filing.body_sha256 == filing.body_sha256;
            let (registry, request_id) = key;
            let durable = journal
                .append(at, Event::Duplicate { registry, request_id, body_sha256: filing.body_sha256 });
            return if same {
                Taking::Held { reference: held.reference.clone(), received_at: held.received_at, durable }
            } else {
                Taking::OtherBody(durable)
            };
        }
        office.taken += 1;
        let reference = format!("SJ{}-{:07}", filing.registry, office.taken);
        let durable =
            journal.append(at, Event::Taken { reference: reference.clone(), filing: filing.clone() });
        if filing.script != Script::Hold {
            self.pending.push_back((Instant::now() + self.decide_after, key.clone()));
        }
        let held = Held {
            filing,
            reference: reference.clone(),
            received_at: at,
            voided: false,
            decided: false,
            offered: false,
        };
        self.held.insert(key, held);
        Taking::Held { reference, received_at: at, durable }
    }

    /// Returns one delivery at the door, unless it is held.
    pub(crate) fn turn_away(&mut self, filing: &Filing, at: Timestamp, journal: &Journal) -> Option<Durable> {
        let key = (filing.registry.clone(), filing.request_id);
        if self.held.contains_key(&key) || self.turned.contains_key(&key) {
            return None;
        }
        self.offices.entry(filing.registry.clone()).or_default().turned += 1;
        let event = Event::Turned { registry: key.0.clone(), request_id: key.1 };
        self.turned.insert(key, at);
        Some(journal.append(at, event))
    }

    /// Strikes out what a request did; none when the county does not hold it.
    pub(crate) fn void(
        &mut self,
        registry: &str,
        request_id: Uuid,
        reason: String,
        at: Timestamp,
        journal: &Journal,
    ) -> Option<Durable> {
        let key = (registry.to_owned(), request_id);
        if !self.held.contains_key(&key) {
            return None;
        }
        self.strike(&key);
        Some(journal.append(at, Event::Voided { registry: key.0, request_id, reason }))
    }

    fn strike(&mut self, key: &Key) {
        let Some(held) = self.held.get_mut(key) else { return };
        if std::mem::replace(&mut held.voided, true) {
            return;
        }
        // Nothing is left to decide, and what was decided has no ground any more.
        held.decided = true;
        self.register.strike(&held.filing);
        let office = self.offices.entry(key.0.clone()).or_default();
        office.voided += 1;
        office.offers.retain(|offer| offer.request_id != key.1);
    }

    /// Decides whatever is due; with `until`, also everything that was taken up to that request.
    pub(crate) fn decide_due(
        &mut self,
        until: Option<&Key>,
        at: Timestamp,
        journal: &Journal,
    ) -> Vec<Decided> {
        let now = Instant::now();
        let forced = until.and_then(|key| self.pending.iter().position(|(_, other)| other == key));
        let due = self.pending.iter().take_while(|(due, _)| *due <= now).count();
        let count = due.max(forced.map_or(0, |place| place + 1));
        let keys: Vec<Key> = self.pending.drain(..count).map(|(_, key)| key).collect();
        let mut all = Vec::new();
        for key in keys {
            let filing = self.held.get(&key).map(|held| held.filing.clone());
            let first = filing.as_ref().and_then(|filing| self.register.first(filing));
            all.extend(self.decide(key, at, journal));
            // Another one stands first now than before.
            if let (Some(filing), Some(before)) = (filing, first) {
                all.extend(self.convert(&filing, before.0, at, journal));
            }
        }
        all
    }

    /// Tells that the seizure which stands first on a unit became formal, if its demand wants that.
    fn convert(&mut self, unit: &Filing, before: Uuid, at: Timestamp, journal: &Journal) -> Option<Decided> {
        let (request_id, from, to) = self.register.first(unit).filter(|(id, ..)| *id != before)?;
        let key = (unit.registry.clone(), request_id);
        let filing = &self.held.get(&key)?.filing;
        let term = match (filing.script, filing.period) {
            (Script::TellConversion, _) => (from, to),
            (Script::NewPeriod, Some(period)) => {
                let today = office_day(at);
                (today, period_from(today, period.years))
            }
            _ => return None,
        };
        let office = self.offices.entry(key.0.clone()).or_default();
        office.outcome_no += 1;
        let outcome_id = format!("JG{}-{:07}", key.0, office.outcome_no);
        let business = format!("YW{}{}Z{:05}", key.0, office_day(at).strftime("%Y%m%d"), office.outcome_no);
        let outcome = conversion(filing, &business, at, term);
        let offer = Offer { id: outcome_id.clone(), request_id, outcome: outcome.clone() };
        let event = Event::Converted { registry: key.0.clone(), request_id, outcome_id, outcome };
        let durable = journal.append(at, event);
        Some(Decided { key, offers: vec![offer], durable })
    }

    fn decide(&mut self, key: Key, at: Timestamp, journal: &Journal) -> Option<Decided> {
        let held = self.held.get_mut(&key).filter(|held| !held.decided)?;
        held.decided = true;
        let office = self.offices.entry(key.0.clone()).or_default();
        let filing = &held.filing;
        let decision = self.register.decide(filing, at);
        if !matches!(decision, Decision::Returned(..)) {
            office.registered += 1;
        }
        let business = format!("YW{}{}{:06}", key.0, office_day(at).strftime("%Y%m%d"), office.registered);
        let outcome = outcome(filing, &decision, &business, at);
        let echo = match filing.script {
            Script::Twice => Some(outcome.clone()),
            Script::Contradict => Some(contradiction(filing, &decision, &business, at)),
            _ => None,
        };
        let mut offers = Vec::new();
        let mut durable = None;
        for (number, outcome) in std::iter::once(outcome).chain(echo).enumerate() {
            office.outcome_no += 1;
            let id = format!("JG{}-{:07}", key.0, office.outcome_no);
            let event = Event::Decided {
                registry: key.0.clone(),
                request_id: key.1,
                outcome_id: id.clone(),
                echo: number > 0,
                outcome: outcome.clone(),
            };
            durable = Some(journal.append(at, event));
            offers.push(Offer { id, request_id: key.1, outcome });
        }
        Some(Decided { key, offers, durable: durable? })
    }

    /// Answers a wish for withdrawal at once: an undecided demand is given back, unless the test wants it declined.
    pub(crate) fn wish(&mut self, wish: Wish, at: Timestamp, journal: &Journal) -> Wished {
        let Wish { registry, request_id, withdrawal_id, letter_sha256, decline } = wish;
        let key = (registry.clone(), request_id);
        let Some(held) = self.held.get_mut(&key).filter(|held| !held.voided) else { return Wished::Unknown };
        if !self.wishes.insert(withdrawal_id) {
            return Wished::Before;
        }
        let agreed = !held.decided && !decline;
        let outcome = if agreed {
            held.decided = true;
            withdrawn(&held.filing, at)
        } else {
            declined(&held.filing, withdrawal_id, held.decided, at)
        };
        if !agreed && held.filing.script == Script::Hold && !held.decided {
            self.pending.push_back((Instant::now(), key.clone()));
        }
        let office = self.offices.entry(registry.clone()).or_default();
        office.outcome_no += 1;
        let outcome_id = format!("JG{registry}-{:07}", office.outcome_no);
        let offer = Offer { id: outcome_id.clone(), request_id, outcome: outcome.clone() };
        let event =
            Event::Wished { registry, request_id, withdrawal_id, letter_sha256, agreed, outcome_id, outcome };
        let durable = journal.append(at, event);
        Wished::Answered(Decided { key, offers: vec![offer], durable })
    }

    /// Offers a decision whose line is on disk, unless it was voided meanwhile.
    fn offer(&mut self, key: &Key, offers: Vec<Offer>) {
        if let Some(held) = self.held.get_mut(key).filter(|held| !held.voided) {
            held.offered = true;
            self.offices.entry(key.0.clone()).or_default().offers.extend(offers);
        }
    }

    /// The oldest outcomes that are not settled, or those after one of them, which may be settled meanwhile.
    pub(crate) fn outcomes(&self, registry: &str, after: Option<&str>, limit: usize) -> Vec<Value> {
        let Some(office) = self.offices.get(registry) else { return Vec::new() };
        // What came over the link is offered once the hub knows it, under the hub's id.
        let with_id = |offer: &Offer| {
            let request_id = self.links.known_as(offer.request_id)?;
            let mut value = offer.outcome.clone();
            for body in value.as_object_mut()?.values_mut() {
                body["request_id"] = json!(request_id);
            }
            value["id"] = json!(offer.id);
            Some(value)
        };
        // Ids of one office count up, in seven digits.
        office
            .offers
            .iter()
            .filter(|offer| after.is_none_or(|after| offer.id.as_str() > after))
            .filter_map(with_id)
            .take(limit)
            .collect()
    }

    /// Whether this request was decided, offered and settled, or is void.
    pub(crate) fn is_through(&self, registry: &str, request_id: Uuid) -> bool {
        let held = self.held.get(&(registry.to_owned(), request_id));
        let waits = |office: &Office| office.offers.iter().any(|offer| offer.request_id == request_id);
        held.is_none_or(|held| held.voided || held.offered && !self.offices.get(registry).is_some_and(waits))
    }

    /// Forgets an outcome; none when there is no such.
    pub(crate) fn settle(
        &mut self,
        registry: &str,
        id: &str,
        at: Timestamp,
        journal: &Journal,
    ) -> Option<Durable> {
        let office = self.offices.get_mut(registry)?;
        if !office.forget(id) {
            return None;
        }
        let event = Event::Settled { registry: registry.to_owned(), outcome_id: id.to_owned() };
        Some(journal.append(at, event))
    }

    /// Counts per registry.
    pub(crate) fn stats(&self) -> Value {
        let office = |office: &Office| {
            json!({"taken": office.taken, "duplicates": office.duplicates, "turned_away": office.turned,
                "voided": office.voided, "registered": office.registered, "outcomes": office.outcome_no,
                "offered": office.offers.len(), "settled": office.settled})
        };
        self.offices.iter().map(|(registry, counts)| (registry.clone(), office(counts))).collect()
    }
}

/// Waits for the disk and then offers the decisions; whether all are on disk.
pub(crate) async fn publish(desk: &std::sync::Mutex<Desk>, decided: Vec<Decided>) -> bool {
    let mut all = true;
    for Decided { key, offers, durable } in decided {
        if durable.wait().await.is_ok() {
            desk.lock().expect("no holder of this lock panics").offer(&key, offers);
        } else {
            all = false;
        }
    }
    all
}
