//! A seizure in the register, and the register of one unit.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Number, Place, Term, WaitingRule};
use crate::{period, workdays::day_of};

/// How a seizure stands or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "stand", rename_all = "snake_case")]
pub enum Stand {
    /// 正式查封.
    Formal {
        /// Since when; the conversion for one that waited.
        since: Timestamp,
    },
    /// 轮候查封; its place follows from the seizures before it.
    Waiting,
    /// 已解除.
    Lifted {
        /// When the lifting was registered.
        at: Timestamp,
        /// The request that lifted it.
        by: Uuid,
    },
    /// 已失效: its period ended unrenewed, at 24:00 of the last day.
    Lapsed {
        /// 24:00 of the last day.
        at: Timestamp,
    },
}

/// One seizure of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Seizure {
    /// The request that brought it about; names it.
    pub request_id: Uuid,
    /// How many reports of the unit the hub knew before it; orders equal instants of registration.
    pub seq: u32,
    /// The case number under which it stands.
    pub number: Number,
    /// When it was registered, registry's clock.
    pub registered_at: Timestamp,
    /// The place it was registered in, as reported.
    pub registered_place: Place,
    /// The period in force: as registered, as renewed last, or as moved by a conversion under an older rule.
    pub term: Term,
    /// The rule of its period; none for one that was registered as formal.
    pub rule: Option<WaitingRule>,
    /// How it stands.
    #[serde(flatten)]
    pub stand: Stand,
}

impl Seizure {
    /// Whether it is in force, formal or waiting.
    pub fn stands(&self) -> bool {
        matches!(self.stand, Stand::Formal { .. } | Stand::Waiting)
    }

    /// The instant at which it lapses if nothing happens: 24:00 of its last day in China. None when it has ended, and while
    /// its period does not run yet because it begins with the conversion.
    pub fn lapses_at(&self) -> Option<Timestamp> {
        let runs = match self.stand {
            Stand::Formal { .. } => true,
            Stand::Waiting => self.rule != Some(WaitingRule::FromConversion),
            Stand::Lifted { .. } | Stand::Lapsed { .. } => false,
        };
        runs.then(|| period::lapse(self.term.to))
    }

    /// Makes a waiting seizure formal (轮候查封转为正式查封，剩余期限自动转为正式查封期限，不再重新计算). Only under the older rule does the period
    /// begin now.
    pub(super) fn convert(&mut self, at: Timestamp) {
        self.stand = Stand::Formal { since: at };
        if self.rule == Some(WaitingRule::FromConversion) {
            let start = day_of(at);
            self.term = Term { from: start, to: period::moved(self.term.from, self.term.to, start) };
        }
    }
}

/// The seizures of one unit, standing and ended, in the order in which they were registered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Register(Vec<Seizure>);

impl Register {
    /// The register that holds these seizures, in whatever order they come.
    pub fn of(mut seizures: Vec<Seizure>) -> Self {
        seizures.sort_by_key(|seizure| (seizure.registered_at, seizure.seq));
        Self(seizures)
    }

    /// All seizures, ended ones too.
    pub fn all(&self) -> &[Seizure] {
        &self.0
    }

    /// The seizures in force: the formal one and those that wait.
    pub fn standing(&self) -> impl Iterator<Item = &Seizure> {
        self.0.iter().filter(|seizure| seizure.stands())
    }

    /// The seizure that a request brought about.
    pub fn find(&self, request_id: Uuid) -> Option<&Seizure> {
        self.0.iter().find(|seizure| seizure.request_id == request_id)
    }

    /// Places of the standing seizures, in order of registration: formal ones stand as such, the others are counted
    /// through (轮候顺序), so that a lifting closes its gap.
    pub fn places(&self) -> Vec<(Uuid, Place)> {
        places(self.standing().map(|seizure| (seizure.request_id, seizure.stand == Stand::Waiting)))
    }

    /// The register after an event of its log: seizures as the event left them. Applied to all events of a unit in their
    /// order it rebuilds the register.
    pub fn apply(&mut self, after: &[Seizure]) {
        for seizure in after {
            match self.0.iter_mut().find(|known| known.request_id == seizure.request_id) {
                Some(known) => known.clone_from(seizure),
                None => self.0.push(seizure.clone()),
            }
        }
        self.0.sort_by_key(|seizure| (seizure.registered_at, seizure.seq));
    }

    pub(super) fn push(&mut self, seizure: Seizure) -> &Seizure {
        self.0.push(seizure);
        self.0.last().expect("something was pushed just now")
    }

    pub(super) fn get_mut(&mut self, at: usize) -> &mut Seizure {
        &mut self.0[at]
    }
}

/// Places of seizures in force, given in order of registration with whether each waits: see [`Register::places`].
pub fn places(standing: impl IntoIterator<Item = (Uuid, bool)>) -> Vec<(Uuid, Place)> {
    let mut waiting = 0;
    standing
        .into_iter()
        .map(|(request_id, waits)| {
            if waits {
                waiting += 1;
                (request_id, Place::Waiting(waiting))
            } else {
                (request_id, Place::Formal)
            }
        })
        .collect()
}
