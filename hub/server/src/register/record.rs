//! Learning of a registry's decisions, in the transaction that records them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;
use xiezhi_domain::{
    order::{Received, SuperiorDecision, order},
    register::{
        Action, Anomaly, Code, Entry, History, Place, Report, Stand, Term, What, anomalies, learn, other_day,
    },
    workdays::day_of,
};
use xiezhi_schemas::message::{
    ConversionCompared, ConversionNotice, ConversionReport, FeedbackBody, Kind, LapseNotice, RegisterChange,
    RegisteredStatus, Registration,
};

use super::WaitingRules;
use crate::store::{
    StoreError, Transaction,
    requests::{self, Changes, LockedRequest, NewEvent},
    units::{self, Head, NewEntry, Subject},
};

/// What was heard about a request.
#[derive(Debug, Clone)]
pub struct News {
    /// The request.
    pub request_id: Uuid,
    /// What.
    pub heard: Heard,
}

/// What a registry said.
#[derive(Debug, Clone)]
pub enum Heard {
    /// A result that took effect.
    Registered(Registration),
    /// A return or withdrawal that took effect: the request has no rank any more, which may end a disagreement.
    LostItsPlace,
    /// A later result of a request whose first one took effect. It changes nothing about the request; where it tells that a
    /// waiting seizure became formal, it is compared with the register.
    SaidAgain(Registration),
    /// That a seizure which was registered as waiting became formal; it is compared with the register.
    Converted(ConversionReport),
}

/// Writes what the news make of the units' registers and notes events and notices in `changes`, which the caller writes
/// afterwards in the same transaction. `locked` are the requests with the state they have within it.
///
/// Locks the heads of the units in order of unit; the requests are locked before, the courts' streams after.
///
/// # Errors
/// When a statement fails.
pub async fn record(
    tx: &Transaction<'_>,
    rules: &WaitingRules,
    changes: &mut Changes,
    locked: &BTreeMap<Uuid, LockedRequest>,
    news: &[News],
) -> Result<(), StoreError> {
    if news.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = news.iter().map(|one| one.request_id).collect();
    let subjects = units::subjects(tx, &ids).await?;
    let mut registered: BTreeSet<&str> = BTreeSet::new();
    let mut touched: BTreeSet<&str> = BTreeSet::new();
    for one in news {
        let Some(subject) = subjects.get(&one.request_id) else { continue };
        touched.insert(&subject.unit);
        if matches!(one.heard, Heard::Registered(_)) {
            registered.insert(&subject.unit);
        }
    }
    let registered: Vec<&str> = registered.into_iter().collect();
    let touched: Vec<&str> = touched.into_iter().collect();
    // What needs nothing of each other is asked together, and worked off in this order.
    let ((), mut heads) =
        futures::try_join!(units::ensure_heads(tx, &registered), units::lock_heads(tx, &touched))?;
    if heads.is_empty() {
        return Ok(());
    }
    // After the locks, so that no other transaction recorded a later instant meanwhile.
    let now = requests::clock(tx).await?;
    let begun: Vec<&str> = heads.iter().filter(|(_, h)| h.last_n > 0).map(|(u, _)| u.as_str()).collect();
    let (mut known, mut receipts, decisions) = futures::try_join!(
        units::reports(tx, &begun),
        units::receipts(tx, &touched),
        units::decisions(tx, &touched)
    )?;
    let mut entries = Vec::new();
    for (unit, head) in &mut heads {
        let reports = known.remove(unit).unwrap_or_default();
        let mut book = Book { unit, head, reports, history: History::default(), entries: &mut entries };
        let of_unit =
            |one: &&News| subjects.get(&one.request_id).is_some_and(|subject| subject.unit == *unit);
        for one in news.iter().filter(of_unit) {
            // Only a seizure that was registered as waiting can be said to have become formal.
            if matches!(one.heard, Heard::SaidAgain(_)) && !book.waited(one.request_id) {
                continue;
            }
            if let Some(report) = report(&subjects[&one.request_id], one, rules, now) {
                book.take(Some(report.clone()), None, changes, now);
                flag_day(&report, &book.history, changes, now);
            }
        }
        let mut receipts = receipts.remove(unit).unwrap_or_default();
        for received in &mut receipts {
            if let Some(request) = locked.get(&received.request_id) {
                received.state = request.state;
            }
        }
        book.compare(&receipts, decisions.get(unit.as_str()), changes, now);
        news.iter().filter(of_unit).for_each(|one| book.tell_compared(one, changes, now));
    }
    futures::try_join!(units::append(tx, &entries), units::advance_heads(tx, &heads))?;
    Ok(())
}

/// The news as a report of the register; none for what the register has no word for.
fn report(subject: &Subject, news: &News, rules: &WaitingRules, now: Timestamp) -> Option<Report> {
    let (registration, first) = match &news.heard {
        Heard::Registered(registration) => (registration, true),
        Heard::SaidAgain(registration) => (registration, false),
        Heard::LostItsPlace => return None,
        Heard::Converted(converted) => {
            let (request_id, accepted_at) = (news.request_id, subject.accepted_at);
            let action = Action::Conversion { to: converted.period_to };
            let registered_at = converted.formal_since;
            return Some(Report { request_id, received_at: now, accepted_at, registered_at, action });
        }
    };
    let term = registration.period_from.zip(registration.period_to).map(|(from, to)| Term { from, to });
    let place = match (registration.status, registration.waiting_position) {
        (RegisteredStatus::Waiting, Some(n)) => Place::Waiting(n),
        _ => Place::Formal,
    };
    let registered_at = registration.registered_at;
    let original = || subject.original.clone().unwrap_or_else(|| subject.number.clone());
    let action = match (subject.kind, term) {
        (Kind::Lifting, _) if first => Action::Lifting { original: original(), seized_on: subject.seized_on },
        (Kind::Renewal, Some(term)) if first => Action::Renewal { original: original(), place, term },
        (Kind::Seizure | Kind::Waiting, Some(term)) if first => {
            let rule = rules.of(&subject.province).rule(day_of(registered_at));
            Action::Seizure { number: subject.number.clone(), place, term, rule }
        }
        (Kind::Seizure | Kind::Waiting, Some(term)) if place == Place::Formal => {
            Action::Conversion { to: term.to }
        }
        _ => return None,
    };
    let accepted_at = subject.accepted_at;
    Some(Report { request_id: news.request_id, received_at: now, accepted_at, registered_at, action })
}

/// The register of one unit under the lock of its head.
pub(super) struct Book<'a> {
    pub(super) unit: &'a str,
    pub(super) head: &'a mut Head,
    pub(super) reports: Vec<Report>,
    pub(super) history: History,
    pub(super) entries: &'a mut Vec<NewEntry>,
}

impl Book<'_> {
    /// Learns of a report, or that it is later now; `until` lets time pass until then. Reports alone let no time pass beyond
    /// their own instants: only the task that watches the clocks does.
    pub(super) fn take(
        &mut self,
        report: Option<Report>,
        until: Option<Timestamp>,
        changes: &mut Changes,
        now: Timestamp,
    ) {
        let recorded = self.head.recorded_at.unwrap_or(Timestamp::MIN);
        let until = until.unwrap_or(recorded);
        let (entries, history) = learn(&self.reports, recorded, report.clone(), until);
        for entry in entries {
            self.head.last_n += 1;
            tell(&entry, &history, changes, now);
            let own = report.clone().filter(|_| entry.of_report);
            let (unit, n) = (self.unit.to_owned(), self.head.last_n);
            self.entries.push(NewEntry { unit, n, entry, report: own });
        }
        self.reports.extend(report);
        if until > recorded {
            self.head.recorded_at = Some(until);
        }
        self.history = history;
    }

    /// Whether a request's seizure was registered as waiting.
    fn waited(&self, request_id: Uuid) -> bool {
        let waits = |action: &Action| matches!(action, Action::Seizure { place: Place::Waiting(_), .. });
        self.reports.iter().any(|report| report.request_id == request_id && waits(&report.action))
    }

    /// Says what a registry reported about a conversion, beside what the register holds.
    fn tell_compared(&self, news: &News, changes: &mut Changes, now: Timestamp) {
        let Heard::Converted(report) = &news.heard else { return };
        let held = self.history.register.find(news.request_id).filter(|seizure| seizure.stands());
        let compared = ConversionCompared {
            formal_since: report.formal_since,
            period_to: report.period_to,
            period_kept: held.map(|seizure| seizure.term.to),
        };
        let detail = json!({ "reported": report, "kept": compared.period_kept });
        let request_id = Some(news.request_id);
        changes.event(NewEvent { at: now, kind: "conversion_reported", request_id, detail });
        changes.tell(news.request_id, FeedbackBody::ConversionReported(compared));
    }

    /// Says which disagreements with the order of delivery are new and which have ended.
    pub(super) fn compare(
        &mut self,
        receipts: &[Received],
        decision: Option<&SuperiorDecision>,
        changes: &mut Changes,
        now: Timestamp,
    ) {
        if self.history.steps.is_empty() {
            let recorded = self.head.recorded_at.unwrap_or(Timestamp::MIN);
            self.history = xiezhi_domain::register::history(&self.reports, recorded);
        }
        let found = anomalies(&order(receipts, decision), &self.history);
        let before = std::mem::replace(&mut self.head.anomalies, found);
        let found = &self.head.anomalies;
        let mut note = |kind, anomaly: &Anomaly| {
            let (code, request_id) = (anomaly.code(), anomaly.request_id());
            tracing::warn!(%request_id, code = code.as_str(), kind, "{}", code.title());
            let detail = json!({ "code": code, "why": code.title(), "what": anomaly });
            changes.event(NewEvent { at: now, kind, request_id: Some(request_id), detail });
        };
        found.iter().filter(|one| !before.contains(one)).for_each(|one| note("order_anomaly", one));
        before.iter().filter(|one| !found.contains(one)).for_each(|one| note("order_anomaly_cleared", one));
    }
}

/// The lifting counts; that it states another day than the register has, somebody looks at.
fn flag_day(report: &Report, history: &History, changes: &mut Changes, now: Timestamp) {
    let Some(differs) = other_day(report, &history.register) else { return };
    let (code, request_id) = (Code::LiftingDay, report.request_id);
    tracing::warn!(%request_id, code = code.as_str(), "{}", code.title());
    let detail = json!({ "code": code, "why": code.title(), "what": differs });
    changes.event(NewEvent { at: now, kind: "register_flag", request_id: Some(request_id), detail });
}

/// Events for operators and notices to courts.
fn tell(entry: &Entry, history: &History, changes: &mut Changes, now: Timestamp) {
    let request_id = entry.mark.request_id;
    if let What::Refused(code) = entry.mark.what {
        tracing::warn!(%request_id, code = code.as_str(), "{}", code.title());
        let detail = json!({ "code": code, "why": code.title() });
        changes.event(NewEvent { at: now, kind: "register_flag", request_id: Some(request_id), detail });
    }
    if let Some(corrects) = entry.corrects() {
        let detail = json!(corrects);
        tracing::warn!(%request_id, "a late report put the register right");
        changes.event(NewEvent { at: now, kind: "register_corrected", request_id: Some(request_id), detail });
    }
    for mark in &entry.revoked {
        let revoked = match mark.what {
            What::Converted => RegisterChange::Conversion,
            What::Lapsed => RegisterChange::Lapse,
            _ => continue,
        };
        changes.tell(mark.request_id, FeedbackBody::RegisterCorrected { revoked, at: mark.at });
    }
    for mark in std::iter::once(&entry.mark).chain(&entry.brought) {
        let (What::Converted | What::Lapsed) = mark.what else { continue };
        // As the step left it; what came after has a notice of its own.
        let step = history
            .steps
            .iter()
            .find(|step| (step.what, step.request_id, step.at) == (mark.what, mark.request_id, mark.at));
        let Some(seizure) = step.and_then(|step| step.after.first()) else { continue };
        let (kind, body) = match seizure.stand {
            Stand::Lapsed { at } => {
                ("lapsed", FeedbackBody::Lapsed(LapseNotice { lapsed_at: at, last_day: seizure.term.to }))
            }
            _ => {
                let Term { from, to } = seizure.term;
                let notice = ConversionNotice { formal_since: mark.at, period_from: from, period_to: to };
                ("converted", FeedbackBody::Converted(notice))
            }
        };
        let detail = json!({ "at": mark.at, "term": seizure.term, "rule": seizure.rule });
        changes.event(NewEvent { at: now, kind, request_id: Some(seizure.request_id), detail });
        changes.tell(seizure.request_id, body);
    }
}
