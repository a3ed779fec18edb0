//! What to append to the log of a unit when the hub learns something.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{History, Report, Seizure, Step, What, history};

/// A step by its name, without what it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mark {
    /// What it did.
    pub what: What,
    /// Its request.
    pub request_id: Uuid,
    /// The instant from which it counts.
    pub at: Timestamp,
}

impl From<&Step> for Mark {
    fn from(step: &Step) -> Self {
        Self { what: step.what, request_id: step.request_id, at: step.at }
    }
}

/// One entry of a unit's log. The log is only ever added to; [`super::Register::apply`] over all `after` rebuilds the register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What happened, to which request, as of when in law.
    pub mark: Mark,
    /// Whether it is the entry of the report itself and not of what time or law made of it.
    pub of_report: bool,
    /// The seizures it touched as the log had them before; empty for new ones.
    pub before: Vec<Seizure>,
    /// The same ones, and new ones, as they are now.
    pub after: Vec<Seizure>,
    /// For a report that came after later ones had been recorded: steps that were recorded and, as is known now, did not
    /// happen so. Empty for everything that came in order.
    pub revoked: Vec<Mark>,
    /// For such a report: steps that follow from it.
    pub brought: Vec<Mark>,
}

impl Entry {
    /// Whether the report came after later ones had been recorded, so that the log had to be put right.
    pub fn is_late(&self) -> bool {
        !(self.revoked.is_empty() && self.brought.is_empty())
    }
}

impl Entry {
    /// What a late report revokes and brings, as it stands in the log; none for what came in order.
    pub fn corrects(&self) -> Option<Corrects<'_>> {
        self.is_late().then_some(Corrects { revoked: &self.revoked, brought: &self.brought })
    }
}

/// What a late report put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Corrects<'a> {
    /// Recorded, and as is known now not so.
    pub revoked: &'a [Mark],
    /// Follows from it.
    pub brought: &'a [Mark],
}

impl From<&Step> for Entry {
    fn from(step: &Step) -> Self {
        let (before, after) = (step.before.clone(), step.after.clone());
        let of_report = step.report.is_some();
        Self { mark: step.into(), of_report, before, after, revoked: Vec::new(), brought: Vec::new() }
    }
}

/// What to append when, of a unit known by `known` and recorded until `recorded`, the hub learns of `news` (if any) and the
/// time is `now`; and the history as it is known then.
///
/// What comes in the order of law is appended step by step, with the lapses and conversions that time has brought about
/// meanwhile. A report whose place lies before something recorded becomes one entry that names what it revokes and brings.
pub fn learn(
    known: &[Report],
    recorded: Timestamp,
    news: Option<Report>,
    now: Timestamp,
) -> (Vec<Entry>, History) {
    let old = history(known, recorded);
    let mut reports = known.to_vec();
    reports.extend(news.clone());
    let new = history(&reports, now.max(recorded));
    if new.steps.starts_with(&old.steps) {
        let entries = new.steps[old.steps.len()..].iter().map(Entry::from).collect();
        return (entries, new);
    }
    // Time alone only adds steps at the end, so there is news, and it is the last report.
    let entry = correct(&old, &new, u32::try_from(known.len()).unwrap_or(u32::MAX));
    (vec![entry], new)
}

/// One entry that puts right what the log says.
fn correct(old: &History, new: &History, report: u32) -> Entry {
    let own = new.steps.iter().find(|step| step.report == Some(report));
    let mark = Mark::from(own.expect("each report makes a step"));
    let mut brought = less(&new.steps, &old.steps);
    brought.retain(|step| *step != mark);
    let changed = |seizure: &&Seizure| old.register.find(seizure.request_id) != Some(*seizure);
    let after: Vec<Seizure> = new.register.all().iter().filter(changed).cloned().collect();
    let before = after.iter().filter_map(|seizure| old.register.find(seizure.request_id)).cloned().collect();
    Entry { mark, of_report: true, before, after, revoked: less(&old.steps, &new.steps), brought }
}

/// The steps of `these` that are not among `those`, each as often as it is missing.
fn less(these: &[Step], those: &[Step]) -> Vec<Mark> {
    let mut left: HashMap<Mark, usize> = HashMap::new();
    for step in those {
        *left.entry(step.into()).or_default() += 1;
    }
    let missing = |mark: &Mark| match left.get_mut(mark) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    these.iter().map(Mark::from).filter(missing).collect()
}
