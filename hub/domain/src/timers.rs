//! Timers of a request: from its facts and an instant to the reminders that stand then.
//!
//! One limit is the law's: one working day from 登簿 to the arrival of the result (法〔2024〕32号 二(三)4). The end of a seizure is
//! its registered period. Every other limit is an internal target of the hub's operator, which may be left open: then there
//! is no timer. Five working days bind general and mortgage registration (自然资办函〔2019〕753号 一(二)), never a seizure; no
//! timer here counts five days by law.

use jiff::{SignedDuration, Span, Timestamp, civil::Date};
use xiezhi_schemas::message::{Addressee, ReminderKind, ReminderLevel};

use crate::{
    State,
    workdays::{Calendar, NotLoaded, start_of},
};

/// Limits, as configured; `None` is open: no timer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets {
    /// Working days from 登簿 to the arrival of the result. The law says one.
    pub receipt_working_days: u32,
    /// From acceptance to the broker's confirm, by which ministry and province passed it on.
    pub passing_on: Option<SignedDuration>,
    /// From there to the receipt.
    pub delivery: Option<SignedDuration>,
    /// How long a demand lies on the registry's desk before it is announced as new.
    pub new_item: Option<SignedDuration>,
    /// Working days from the receipt to a decision.
    pub decision_working_days: Option<u32>,
    /// Working days from a return to the corrected demand.
    pub correction_working_days: Option<u32>,
    /// Days after which a return that nobody corrected rests.
    pub returns_rest_days: u32,
    /// Days before the end of a period on which the court gets a notice, and those on which it gets a warning.
    pub renewal: Option<Renewal>,
}

/// How early a court hears that a seizure will lapse, in days before its last day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewal {
    /// First notice.
    pub notice_days: u32,
    /// Warning; not more than the notice.
    pub warning_days: u32,
}

/// What is known of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Where it stands.
    pub state: State,
    /// When its present attempt was put into the outbox.
    pub sent_at: Timestamp,
    /// When ministry and province passed it on.
    pub passed_on_at: Option<Timestamp>,
    /// 送达.
    pub delivered_at: Option<Timestamp>,
    /// When a return took effect.
    pub returned_at: Option<Timestamp>,
    /// Whether a later demand corrects it.
    pub corrected: bool,
    /// Until when a result that arrived, and could not take effect yet, must be fed back.
    pub result_due_at: Option<Timestamp>,
    /// Last day of the seizure that this request brought about, while it stands.
    pub stands_until: Option<Date>,
}

/// A reminder that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reminder {
    /// What it is about.
    pub kind: ReminderKind,
    /// Whom it is for.
    pub to: Addressee,
    /// How urgent it is.
    pub level: ReminderLevel,
    /// The first instant that is late.
    pub due_at: Timestamp,
}

/// What stands at an instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outlook {
    /// The reminders.
    pub reminders: Vec<Reminder>,
    /// A limit that could not be counted, because its days are not loaded.
    pub uncounted: Option<NotLoaded>,
}

/// Calendar and limits together: all that a timer needs beside its facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timers {
    calendar: Calendar,
    targets: Targets,
}

impl Timers {
    /// Timers by this calendar and these limits.
    pub fn new(calendar: Calendar, targets: Targets) -> Self {
        Self { calendar, targets }
    }

    /// The working days.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// The limits.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Until when the result of a registration must have arrived: the first instant that is late.
    ///
    /// # Errors
    /// When the days are not loaded.
    pub fn receipt_due(&self, registered_at: Timestamp) -> Result<Timestamp, NotLoaded> {
        Ok(self.calendar.deadline(registered_at, self.targets.receipt_working_days)?.exclusive)
    }

    /// The reminders that stand at `now`. Only the highest level of each is given.
    pub fn outlook(&self, facts: &Facts, now: Timestamp) -> Outlook {
        let mut outlook = Outlook::default();
        match facts.state {
            State::InFlight => self.on_the_road(facts, now, &mut outlook),
            State::Delivered => self.on_the_desk(facts, now, &mut outlook),
            State::Returned => self.returned(facts, now, &mut outlook),
            State::Registered | State::Withdrawn | State::Undelivered | State::Closed => {}
        }
        if let Some(due) = facts.result_due_at {
            let to = |level| match level {
                ReminderLevel::Overdue => &[Addressee::Registry, Addressee::Operator, Addressee::Court][..],
                _ => &[Addressee::Registry, Addressee::Operator],
            };
            outlook.put(ReminderKind::Receipt, last_day_begins(due), due, now, to);
        }
        if let (Some(last), Some(renewal)) = (facts.stands_until, self.targets.renewal) {
            outlook.lapse(last, renewal, now);
        }
        outlook
    }

    fn on_the_road(&self, facts: &Facts, now: Timestamp, outlook: &mut Outlook) {
        let (kind, since, target) = match facts.passed_on_at {
            None => (ReminderKind::PassingOn, facts.sent_at, self.targets.passing_on),
            Some(at) => (ReminderKind::Delivery, at, self.targets.delivery),
        };
        if let Some(target) = target {
            outlook.put(kind, since + target / 2, since + target, now, |_| &[Addressee::Operator]);
        }
    }

    fn on_the_desk(&self, facts: &Facts, now: Timestamp, outlook: &mut Outlook) {
        let Some(delivered) = facts.delivered_at else { return };
        if let Some(due_at) = self.targets.new_item.map(|after| delivered + after)
            && now >= due_at
        {
            let (kind, level) = (ReminderKind::NewItem, ReminderLevel::Notice);
            outlook.reminders.push(Reminder { kind, to: Addressee::Registry, level, due_at });
        }
        self.in_working_days(
            ReminderKind::Decision,
            delivered,
            self.targets.decision_working_days,
            now,
            outlook,
            |level| match level {
                ReminderLevel::Overdue => &[Addressee::Registry, Addressee::Court, Addressee::Operator],
                _ => &[Addressee::Registry],
            },
        );
    }

    fn returned(&self, facts: &Facts, now: Timestamp, outlook: &mut Outlook) {
        let Some(returned) = facts.returned_at.filter(|_| !facts.corrected) else { return };
        let rests = returned + SignedDuration::from_hours(24) * days(self.targets.returns_rest_days);
        if now < rests {
            let days = self.targets.correction_working_days;
            self.in_working_days(ReminderKind::ReturnWaiting, returned, days, now, outlook, |_| {
                &[Addressee::Court]
            });
        }
    }

    fn in_working_days(
        &self,
        kind: ReminderKind,
        since: Timestamp,
        limit: Option<u32>,
        now: Timestamp,
        outlook: &mut Outlook,
        to: fn(ReminderLevel) -> &'static [Addressee],
    ) {
        let Some(limit) = limit else { return };
        match self.calendar.deadline(since, limit) {
            Ok(due) => outlook.put(kind, start_of(due.date), due.exclusive, now, to),
            Err(missing) => outlook.uncounted = Some(missing),
        }
    }
}

impl Outlook {
    /// A warning from `warn_from` on, overdue from `due_at` on.
    fn put(
        &mut self,
        kind: ReminderKind,
        warn_from: Timestamp,
        due_at: Timestamp,
        now: Timestamp,
        to: fn(ReminderLevel) -> &'static [Addressee],
    ) {
        let level = match now {
            now if now >= due_at => ReminderLevel::Overdue,
            now if now >= warn_from => ReminderLevel::Warning,
            _ => return,
        };
        self.reminders.extend(to(level).iter().map(|to| Reminder { kind, to: *to, level, due_at }));
    }

    /// A seizure lapses at 24:00 of its last day; then there is nothing left to renew and the reminder ends.
    fn lapse(&mut self, last: Date, renewal: Renewal, now: Timestamp) {
        let (Ok(after), Ok(notice), Ok(warning)) = (
            last.tomorrow(),
            days_before(last, renewal.notice_days),
            days_before(last, renewal.warning_days),
        ) else {
            return;
        };
        let due_at = start_of(after);
        let level = match now {
            now if now >= due_at || now < start_of(notice) => return,
            now if now >= start_of(warning) => ReminderLevel::Warning,
            _ => ReminderLevel::Notice,
        };
        self.reminders.push(Reminder {
            kind: ReminderKind::SeizureLapses,
            to: Addressee::Court,
            level,
            due_at,
        });
    }
}

fn days_before(day: Date, days: u32) -> Result<Date, jiff::Error> {
    day.checked_sub(Span::new().try_days(days)?)
}

fn days(days: u32) -> i32 {
    i32::try_from(days).unwrap_or(i32::MAX)
}

/// The warning comes with the morning of the last day.
fn last_day_begins(due_at: Timestamp) -> Timestamp {
    due_at - SignedDuration::from_hours(24)
}
