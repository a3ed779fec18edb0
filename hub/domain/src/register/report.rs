//! What a registry reports about a unit, in the words of the register.

use std::fmt;

use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use xiezhi_schemas::identifier::{CaseNumber, OriginalCaseNumber};

/// The case number under which a seizure stands and by which renewals and liftings name it (原查封案号).
///
/// Compared as text: it was parsed where it came in, and numbers of the scheme before 2016 are among them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Number(String);

impl Number {
    /// A number as it was stored after it had been parsed.
    pub fn stored(text: String) -> Self {
        Self(text)
    }
}

impl From<&CaseNumber> for Number {
    fn from(number: &CaseNumber) -> Self {
        Self(number.to_string())
    }
}

impl From<&OriginalCaseNumber> for Number {
    fn from(number: &OriginalCaseNumber) -> Self {
        Self(number.to_string())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Place of a seizure in the register (查封状态: 正式查封或轮候查封, annex 4 of 法〔2024〕32号).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// 正式查封.
    Formal,
    /// 轮候查封 with its 轮候顺序, from 1.
    Waiting(u32),
}

impl Place {
    /// How many stand before it.
    pub fn ahead(self) -> u32 {
        match self {
            Self::Formal => 0,
            Self::Waiting(n) => n,
        }
    }

    /// The place behind so many.
    pub fn behind(ahead: u32) -> Self {
        if ahead == 0 { Self::Formal } else { Self::Waiting(ahead) }
    }
}

/// As on screens: 正式, 轮候 1.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Formal => f.write_str("正式"),
            Self::Waiting(n) => write!(f, "轮候 {n}"),
        }
    }
}

/// First and last day of a registered period, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// First day.
    pub from: Date,
    /// Last day; the period lapses at its 24:00 in China.
    pub to: Date,
}

/// When the period of a waiting seizure begins to run.
///
/// Stored with each waiting seizure when it is registered and never decided again: 通知下发前已办理轮候查封登记手续的，涉“起算时间”等问题按
/// “办理时”的规则保持不变 (法〔2024〕32号 二(三)3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitingRule {
    /// 自办理轮候查封登记手续之日起算; conversion keeps the end.
    FromRegistration,
    /// An older rule of provinces: the period begins with the conversion and does not run before it.
    FromConversion,
}

/// The day from which waiting seizures are registered under the rule of 法〔2024〕32号, and the rule before it.
///
/// The notice prints no day, so it is data; whoever runs the hub must know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutOver {
    /// First day of the new rule, in China.
    pub day: Date,
    /// The rule of seizures registered before that day.
    pub before: WaitingRule,
}

impl CutOver {
    /// The rule of a waiting seizure that is registered on this day.
    pub fn rule(self, registered_on: Date) -> WaitingRule {
        if registered_on >= self.day { WaitingRule::FromRegistration } else { self.before }
    }
}

/// One report of a registry about one request of the unit. Reports stand in the order in which the hub learned of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The request that was answered; for a conversion, the one whose seizure converted.
    pub request_id: Uuid,
    /// When the hub learned of it.
    pub received_at: Timestamp,
    /// When the hub accepted the demand: nothing about it can be older.
    pub accepted_at: Timestamp,
    /// 登簿时间, by the registry's clock: the instant that counts in the register.
    pub registered_at: Timestamp,
    /// What was registered.
    pub action: Action,
}

/// What a registry entered in the register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// 查封 or 轮候查封, whichever was demanded: which of the two it became is its place.
    Seizure {
        /// The case number under which it stands.
        number: Number,
        /// Formal or waiting, as reported.
        place: Place,
        /// The period as reported.
        term: Term,
        /// The rule of its period if it waits, decided when it was first reported.
        rule: WaitingRule,
    },
    /// 续封 of a formal or waiting seizure.
    Renewal {
        /// 原查封案号.
        original: Number,
        /// Where the seizure stands, as reported.
        place: Place,
        /// The period as reported.
        term: Term,
    },
    /// 解封 of a formal or waiting seizure.
    Lifting {
        /// 原查封案号.
        original: Number,
        /// 原查封日期, when the demand states it; tells two seizures of one case apart.
        seized_on: Option<Date>,
    },
    /// The registry reports that a waiting seizure has become formal. The hub knows that from the law; the report is
    /// compared with it.
    Conversion {
        /// The last day that the registry holds for it now.
        to: Date,
    },
}
