//! The fold: reports and the passing of time, in the order of their legal instants, into a register.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Action, Anomaly, Code, Number, Place, Register, Report, Seizure, Stand, Term, WaitingRule};
use crate::{period, workdays::day_of};

/// How far a registry's clock may be off the hub's before its date of registration counts as impossible. Wide enough for
/// clocks that nobody keeps, narrow enough to catch a time zone (eight hours) or a mistyped day.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_hours(1);

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A seizure was registered.
    Registered,
    /// A seizure was renewed.
    Renewed,
    /// A seizure was lifted.
    Lifted,
    /// A waiting seizure became formal.
    Converted,
    /// A seizure's period ended.
    Lapsed,
    /// A report was compared with the register and told nothing new.
    Confirmed,
    /// A report had no effect.
    Refused(Code),
}

impl What {
    /// The code of a refusal.
    pub fn code(self) -> Option<Code> {
        match self {
            Self::Refused(code) => Some(code),
            _ => None,
        }
    }

    /// The word in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Renewed => "renewed",
            Self::Lifted => "lifted",
            Self::Converted => "converted",
            Self::Lapsed => "lapsed",
            Self::Confirmed => "confirmed",
            Self::Refused(_) => "refused",
        }
    }
}

/// One change of the register, or one report that changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The instant from which it counts in law; for a report that is wrong in itself, when the hub learned of it.
    pub at: Timestamp,
    /// What it did.
    pub what: What,
    /// The request of the report; for lapse and conversion, the request of the seizure.
    pub request_id: Uuid,
    /// Which report it is, counted in the order in which the hub learned of them; none when time or law brought it about.
    pub report: Option<u32>,
    /// The seizures it touched as they were; empty for a new one.
    pub before: Vec<Seizure>,
    /// The same ones as they are.
    pub after: Vec<Seizure>,
}

/// What reports and time have made of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Every step in the order of law.
    pub steps: Vec<Step>,
    /// The register they end in.
    pub register: Register,
    /// What in the reports does not agree with the register they found.
    pub oddities: Vec<Anomaly>,
}

/// The history of a unit until an instant. `reports` stand in the order in which the hub learned of them.
///
/// The result depends on that order only where two reports of one kind bear the same instant and where one request was reported twice,
/// of which the first counts.
pub fn history(reports: &[Report], until: Timestamp) -> History {
    let mut judged: Vec<(Timestamp, bool, usize, Option<Code>)> = Vec::with_capacity(reports.len());
    let mut first: HashMap<(Uuid, bool), &Report> = HashMap::new();
    for (seq, report) in reports.iter().enumerate() {
        let key = (report.request_id, matches!(report.action, Action::Conversion { .. }));
        let flaw = match first.get(&key) {
            Some(known) if known.action == report.action && known.registered_at == report.registered_at => {
                Some(Code::Repeated)
            }
            Some(_) => Some(Code::Contradicts),
            None => flaw(report),
        };
        if flaw.is_none() {
            first.insert(key, report);
        }
        let at = if flaw.is_some() { report.received_at } else { report.registered_at };
        // A conversion bears the instant of the lifting that it follows from, whichever the hub heard of first.
        judged.push((at, matches!(report.action, Action::Conversion { .. }), seq, flaw));
    }
    judged.sort_unstable_by_key(|(at, follows, seq, _)| (*at, *follows, *seq));
    let mut fold = Fold::default();
    for (at, _, seq, flaw) in judged {
        fold.pass_time(at);
        let (report, seq) = (&reports[seq], u32::try_from(seq).unwrap_or(u32::MAX));
        fold.report = Some(seq);
        match flaw {
            Some(code) => fold.refuse(at, report, code),
            None => fold.take(at, seq, report),
        }
        fold.report = None;
    }
    fold.pass_time(until);
    fold.history
}

/// What is wrong with a report whatever the register holds.
fn flaw(report: &Report) -> Option<Code> {
    let registered_at = report.registered_at;
    if registered_at > report.received_at + CLOCK_TOLERANCE
        || registered_at + CLOCK_TOLERANCE < report.accepted_at
    {
        return Some(Code::DateImpossible);
    }
    let term = match &report.action {
        Action::Seizure { term, .. } | Action::Renewal { term, .. } => term,
        Action::Lifting { .. } | Action::Conversion { .. } => return None,
    };
    if term.to < term.from {
        return Some(Code::TermBackwards);
    }
    // Under the older rule a waiting period has yet to begin, whatever its days.
    let runs = !matches!(
        report.action,
        Action::Seizure { place: Place::Waiting(_), rule: WaitingRule::FromConversion, .. }
    );
    (runs && period::lapse(term.to) <= registered_at).then_some(Code::TermOver)
}

/// The fold under way.
#[derive(Default)]
struct Fold {
    history: History,
    /// Seizures that stand before those known here, by the registry's last count; 0 when the registers agree.
    unknown_ahead: u32,
    /// The report that is being taken; none while time passes.
    report: Option<u32>,
}

impl Fold {
    /// Lets everything lapse that lapses until and including `at`, and what waits behind it convert.
    fn pass_time(&mut self, at: Timestamp) {
        while let Some(due) =
            self.history.register.standing().filter_map(Seizure::lapses_at).min().filter(|due| *due <= at)
        {
            for place in self.indices(|seizure| seizure.lapses_at() == Some(due)) {
                let id = self.history.register.all()[place].request_id;
                self.change(due, What::Lapsed, id, place, |seizure| {
                    seizure.stand = Stand::Lapsed { at: due }
                });
            }
            self.convert(due);
        }
    }

    /// When a formal seizure has just ended and none is left, the first that waits becomes formal. All that lapse by `at`
    /// have lapsed before.
    fn convert(&mut self, at: Timestamp) {
        let register = &self.history.register;
        let formal_left = register.standing().any(|s| matches!(s.stand, Stand::Formal { .. }));
        // Whoever waits behind seizures that are not known here goes on waiting: when those end is not known either.
        if formal_left || self.unknown_ahead > 0 {
            return;
        }
        if let Some(&place) = self.indices(|seizure| seizure.stand == Stand::Waiting).first() {
            let id = self.history.register.all()[place].request_id;
            self.change(at, What::Converted, id, place, |seizure| seizure.convert(at));
        }
    }

    fn take(&mut self, at: Timestamp, seq: u32, report: &Report) {
        match &report.action {
            Action::Seizure { number, place, term, rule } => {
                self.register(at, seq, report, number, *place, *term, *rule);
            }
            Action::Renewal { original, place, term } => match self.named(original, None) {
                Ok(index) => self.renew(at, report, index, *place, *term),
                Err(Unnamed::Several) => self.refuse(at, report, Code::Ambiguous),
                Err(Unnamed::Lapsed) => self.refuse(at, report, Code::RenewalAfterLapse),
                Err(Unnamed::Lifted) => self.refuse(at, report, Code::SeizureOver),
                Err(Unnamed::Never) => self.refuse(at, report, Code::RenewalOfNothing),
            },
            Action::Lifting { original, seized_on } => match self.named(original, *seized_on) {
                Ok(index) => {
                    let by = report.request_id;
                    self.change(at, What::Lifted, by, index, |s| s.stand = Stand::Lifted { at, by });
                    self.report = None;
                    self.convert(at);
                }
                Err(Unnamed::Several) => self.refuse(at, report, Code::Ambiguous),
                Err(Unnamed::Lapsed | Unnamed::Lifted) => self.refuse(at, report, Code::SeizureOver),
                Err(Unnamed::Never) => self.refuse(at, report, Code::LiftingOfNothing),
            },
            Action::Conversion { to } => self.compare_conversion(at, report, *to),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one report, taken apart once by its kind")]
    fn register(
        &mut self,
        at: Timestamp,
        seq: u32,
        report: &Report,
        number: &Number,
        place: Place,
        term: Term,
        rule: WaitingRule,
    ) {
        let request_id = report.request_id;
        let ahead = u32::try_from(self.history.register.standing().count()).unwrap_or(u32::MAX);
        self.count(request_id, place, ahead);
        let waits = place != Place::Formal;
        let registered_on = day_of(at);
        if waits && rule == WaitingRule::FromRegistration && term.from != registered_on {
            let reported = term.from;
            self.history.oddities.push(Anomaly::WaitingStart { request_id, reported, registered_on });
        }
        let seizure = Seizure {
            request_id,
            seq,
            number: number.clone(),
            registered_at: at,
            registered_place: place,
            term,
            rule: waits.then_some(rule),
            stand: if waits { Stand::Waiting } else { Stand::Formal { since: at } },
        };
        let after = vec![self.history.register.push(seizure).clone()];
        self.history.steps.push(Step {
            at,
            what: What::Registered,
            request_id,
            report: Some(seq),
            before: Vec::new(),
            after,
        });
    }

    fn renew(&mut self, at: Timestamp, report: &Report, index: usize, place: Place, term: Term) {
        let ahead = self.ahead_of(index);
        self.count(report.request_id, place, ahead);
        self.change(at, What::Renewed, report.request_id, index, |seizure| {
            seizure.term = term;
            // It waited behind seizures that are not known here, and they have ended.
            if place == Place::Formal && ahead == 0 && seizure.stand == Stand::Waiting {
                seizure.stand = Stand::Formal { since: at };
            }
        });
    }

    /// The registry says that a seizure became formal. What the law makes of it is known already; only where it waited
    /// behind seizures that are not known here does the report tell something new.
    fn compare_conversion(&mut self, at: Timestamp, report: &Report, to: Date) {
        let request_id = report.request_id;
        let found = self.indices(|seizure| seizure.request_id == request_id && seizure.stands());
        let Some(&index) = found.first() else {
            return self.refuse(at, report, Code::ConversionOfNothing);
        };
        let ahead = self.ahead_of(index);
        self.count(request_id, Place::Formal, ahead);
        if ahead == 0 && self.history.register.all()[index].stand == Stand::Waiting {
            self.change(at, What::Converted, request_id, index, |seizure| seizure.convert(at));
        } else {
            self.note(at, What::Confirmed, request_id);
        }
        let kept = self.history.register.all()[index].term.to;
        if kept != to {
            self.history.oddities.push(Anomaly::ConversionEnd { request_id, reported: to, kept });
        }
    }

    /// Compares a reported place with the number of seizures that are known to stand ahead.
    fn count(&mut self, request_id: Uuid, reported: Place, ahead: u32) {
        match reported.ahead().checked_sub(ahead) {
            None => {
                let expected = Place::behind(ahead);
                self.history.oddities.push(Anomaly::PlaceTaken { request_id, reported, expected });
            }
            Some(unknown) => {
                if unknown > self.unknown_ahead {
                    let expected = Place::behind(ahead + self.unknown_ahead);
                    self.history.oddities.push(Anomaly::MoreAhead { request_id, reported, expected });
                }
                self.unknown_ahead = unknown;
            }
        }
    }

    fn refuse(&mut self, at: Timestamp, report: &Report, code: Code) {
        self.note(at, What::Refused(code), report.request_id);
    }

    /// A step that touches no seizure.
    fn note(&mut self, at: Timestamp, what: What, request_id: Uuid) {
        let (before, after) = (Vec::new(), Vec::new());
        self.history.steps.push(Step { at, what, request_id, report: self.report, before, after });
    }

    fn change(
        &mut self,
        at: Timestamp,
        what: What,
        request_id: Uuid,
        index: usize,
        change: impl FnOnce(&mut Seizure),
    ) {
        let seizure = self.history.register.get_mut(index);
        let before = vec![seizure.clone()];
        change(seizure);
        let after = vec![seizure.clone()];
        self.history.steps.push(Step { at, what, request_id, report: self.report, before, after });
    }

    fn indices(&self, wanted: impl Fn(&Seizure) -> bool) -> Vec<usize> {
        let all = self.history.register.all();
        (0..all.len()).filter(|index| all[*index].stands() && wanted(&all[*index])).collect()
    }

    fn ahead_of(&self, index: usize) -> u32 {
        let ahead = self.history.register.all()[..index].iter().filter(|seizure| seizure.stands()).count();
        u32::try_from(ahead).unwrap_or(u32::MAX)
    }

    /// The one standing seizure of this number.
    fn named(&self, number: &Number, seized_on: Option<Date>) -> Result<usize, Unnamed> {
        let all = self.history.register.all();
        let standing = self.indices(|seizure| seizure.number == *number);
        let on_the_day = |index: &&usize| Some(day_of(all[**index].registered_at)) == seized_on;
        match standing.as_slice() {
            [one] => return Ok(*one),
            [] => {}
            several => {
                let mut dated = several.iter().filter(on_the_day);
                return match (dated.next(), dated.next()) {
                    (Some(one), None) => Ok(*one),
                    _ => Err(Unnamed::Several),
                };
            }
        }
        // The one that ended last says why nothing stands.
        let last = all.iter().rev().find(|seizure| seizure.number == *number);
        Err(match last.map(|seizure| seizure.stand) {
            Some(Stand::Lapsed { .. }) => Unnamed::Lapsed,
            Some(_) => Unnamed::Lifted,
            None => Unnamed::Never,
        })
    }
}

/// Why a number names no seizure.
enum Unnamed {
    Several,
    Lapsed,
    Lifted,
    Never,
}
