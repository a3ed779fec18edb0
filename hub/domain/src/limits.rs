//! The limits that the source texts know, for whom each binds, and what this hub does with it: for people who ask why a
//! timer runs, or why none does.

use serde::Serialize;
use xiezhi_schemas::message::{LimitBasis, ReminderKind};

use crate::timers::{Renewal, Targets};

/// Whose business a limit binds (timers are per business kind).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Business {
    /// 查封登记: seizure, renewal, lifting, waiting seizure. The business of this hub.
    Seizure,
    /// 一般登记, 抵押登记. Not the hub's; listed so that nobody takes their limit for a seizure's.
    GeneralAndMortgage,
    /// 核税. Another department's.
    Tax,
}

/// How long a limit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// Working days after the day of the event.
    WorkingDays(u32),
    /// Days.
    Days(u32),
    /// Minutes.
    Minutes(i64),
    /// No number is known or set: there is no timer.
    Open,
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// Whose business.
    pub business: Business,
    /// The reminders it makes; none when the hub keeps no timer for it.
    pub reminder: Option<ReminderKind>,
    /// From what to what.
    pub what: &'static str,
    /// How long.
    pub length: Length,
    /// Who set it.
    pub basis: LimitBasis,
    /// Where it stands; the setting, for internal targets.
    pub source: &'static str,
}

/// Every limit, with the values that are in force.
pub fn limits(targets: &Targets) -> Vec<Limit> {
    use Business::{GeneralAndMortgage, Seizure, Tax};
    let working = |days: Option<u32>| days.map_or(Length::Open, Length::WorkingDays);
    let minutes = |span: Option<jiff::SignedDuration>| {
        span.map_or(Length::Open, |span| Length::Minutes(span.as_mins()))
    };
    let ahead = targets.renewal.map_or(Length::Open, |Renewal { notice_days, .. }| Length::Days(notice_days));
    let own = |reminder: ReminderKind, what, length, source| Limit {
        business: Seizure,
        reminder: Some(reminder),
        what,
        length,
        basis: reminder.basis(),
        source,
    };
    let foreign = |business, what, length, source| Limit {
        business,
        reminder: None,
        what,
        length,
        basis: LimitBasis::Law,
        source,
    };
    vec![
        own(
            ReminderKind::Receipt,
            "from 登簿 to the arrival of the result (回执)",
            Length::WorkingDays(targets.receipt_working_days),
            "法〔2024〕32号 二(三)4",
        ),
        own(
            ReminderKind::SeizureLapses,
            "notice before the last day of a standing seizure (查封期限)",
            ahead,
            "法〔2024〕32号 二(三)3; deadlines.renew_notice_days",
        ),
        own(
            ReminderKind::PassingOn,
            "from acceptance to the ministry and the province",
            minutes(targets.passing_on),
            "deadlines.pass_on_minutes",
        ),
        own(
            ReminderKind::Delivery,
            "from the province to the receipt (送达)",
            minutes(targets.delivery),
            "deadlines.deliver_minutes",
        ),
        own(
            ReminderKind::NewItem,
            "from the receipt to the note of a new item (智能提醒)",
            minutes(targets.new_item),
            "deadlines.new_item_minutes",
        ),
        own(
            ReminderKind::Decision,
            "from the receipt to registration or return (应及时作退回处理)",
            working(targets.decision_working_days),
            "deadlines.decide_working_days",
        ),
        own(
            ReminderKind::ReturnWaiting,
            "from a return to the corrected demand (修正后重新办理)",
            working(targets.correction_working_days),
            "deadlines.correct_working_days",
        ),
        foreign(
            GeneralAndMortgage,
            "general and mortgage registration; does not bind seizures",
            Length::WorkingDays(5),
            "自然资办函〔2019〕753号 一(二)",
        ),
        foreign(
            Tax,
            "the tax office's answer (核税结果); the text gives no number",
            Length::Open,
            "滑自然资发〔2021〕48号 五(五)3",
        ),
    ]
}
