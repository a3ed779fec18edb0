//! The words for what becomes of a request, and the one table of how it may change.
//!
//! The table is data: the ledger asks it before it writes, the database holds a copy, the page `hub/domain/STATES.md` is
//! printed from it. Whatever is not in the table does not happen.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of one request, that is: of one demand for one property unit at one registry.
///
/// Source: the state log of the ledger; the last entry is the state. Law: 法〔2024〕32号 二(三)2 (送达、退回、未送达).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Accepted and on the road: in the outbox or in a queue.
    InFlight,
    /// 送达: the registry durably holds it, and the ledger stamped the receipt.
    Delivered,
    /// 已登记: entered in the register, as formal or as waiting seizure.
    Registered,
    /// 退回: the registry returned it. It counts as never delivered and has no rank; its receipt, if any, stays in the ledger.
    Returned,
    /// 撤回: returned because the court asked for it in writing before it was registered.
    Withdrawn,
    /// 未送达: a technical failure kept it from the registry. It is held in a dead-letter queue until somebody decides.
    Undelivered,
    /// 已关闭: an undelivered request given up. The court must send anew.
    Closed,
}

impl State {
    /// Every state, in the order in which a request may meet them.
    pub const ALL: [Self; 7] = [
        Self::InFlight,
        Self::Delivered,
        Self::Registered,
        Self::Returned,
        Self::Withdrawn,
        Self::Undelivered,
        Self::Closed,
    ];

    /// The state with which the log of an accepted request begins.
    pub const INITIAL: Self = Self::InFlight;

    /// The word in JSON, SQL and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InFlight => "in_flight",
            Self::Delivered => "delivered",
            Self::Registered => "registered",
            Self::Returned => "returned",
            Self::Withdrawn => "withdrawn",
            Self::Undelivered => "undelivered",
            Self::Closed => "closed",
        }
    }

    /// The word on screens.
    pub fn chinese(self) -> &'static str {
        match self {
            Self::InFlight => "在途",
            Self::Delivered => "送达",
            Self::Registered => "已登记",
            Self::Returned => "退回",
            Self::Withdrawn => "撤回",
            Self::Undelivered => "未送达",
            Self::Closed => "已关闭",
        }
    }

    /// Whether nothing leads out of this state.
    pub fn is_terminal(self) -> bool {
        TRANSITIONS.iter().all(|t| t.from != self)
    }

    /// Whether a request in this state counts as delivered (送达) and so has a rank among the demands of its unit.
    /// A returned one has lost it.
    pub fn has_rank(self) -> bool {
        matches!(self, Self::Delivered | Self::Registered)
    }

    /// The state after `event`.
    ///
    /// # Errors
    /// When the table has no such transition. The caller must say what it means: a repeated receipt is answered with the
    /// first stamp, a dead letter of a delivered request is dropped with an event, a contradicting result is a dispute.
    /// It never means that the event may be ignored.
    pub fn on(self, event: Event) -> Result<Self, IllegalTransition> {
        TRANSITIONS
            .iter()
            .find(|t| t.from == self && t.event == event)
            .map(|t| t.to)
            .ok_or(IllegalTransition { from: self, event })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no state.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0:?} is no state; states are in_flight, delivered, registered, returned, withdrawn, undelivered, closed"
)]
pub struct UnknownState(String);

impl FromStr for State {
    type Err = UnknownState;
    fn from_str(word: &str) -> Result<Self, UnknownState> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == word);
        found.ok_or_else(|| UnknownState(word.chars().take(32).collect()))
    }
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The ledger stamped the receipt.
    ReceiptRecorded,
    /// The ledger stamped a demand handed in on paper at the window (线下窗口); in the transaction that accepted it.
    WindowRecorded,
    /// The ledger stamped a demand that the registry's own point-to-point system (点对点) had received; likewise.
    LocalReceiptReported,
    /// The registry entered it in the register (登簿).
    Registered,
    /// The registry returned it with reasons.
    Returned,
    /// The registry returned it because of the court's written request.
    Withdrawn,
    /// The broker put it into a dead-letter queue, or no road led to the registry.
    DeadLettered,
    /// An operator sent it again; same request, same message id, next attempt.
    Replayed,
    /// An operator gave it up.
    Closed,
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 9] = [
        Self::ReceiptRecorded,
        Self::WindowRecorded,
        Self::LocalReceiptReported,
        Self::Registered,
        Self::Returned,
        Self::Withdrawn,
        Self::DeadLettered,
        Self::Replayed,
        Self::Closed,
    ];

    /// The word in logs and in the published table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReceiptRecorded => "receipt_recorded",
            Self::WindowRecorded => "window_recorded",
            Self::LocalReceiptReported => "local_receipt_reported",
            Self::Registered => "registered",
            Self::Returned => "returned",
            Self::Withdrawn => "withdrawn",
            Self::DeadLettered => "dead_lettered",
            Self::Replayed => "replayed",
            Self::Closed => "closed",
        }
    }

    /// Whether it is a receipt (送达), by whichever channel.
    pub fn is_receipt(self) -> bool {
        matches!(self, Self::ReceiptRecorded | Self::WindowRecorded | Self::LocalReceiptReported)
    }

    /// Who brings it about, for the published table.
    fn cause(self) -> &'static str {
        match self {
            Self::ReceiptRecorded => "the connector asked for the stamp after the registry took the demand",
            Self::WindowRecorded => {
                "a clerk entered papers handed in at the window; late or overtaking ones a second person confirmed"
            }
            Self::LocalReceiptReported => {
                "the connector reported what the registry's point-to-point system had received"
            }
            Self::Registered => "the registry reports 登簿",
            Self::Returned => "the registry returns it with coded reasons and words",
            Self::Withdrawn => "the registry agrees to the court's sealed written request",
            Self::DeadLettered => "expired, unroutable, parked, queue full, delivered too often",
            Self::Replayed => "an operator, with a reason",
            Self::Closed => "an operator, with a reason",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One permitted change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// Before.
    pub from: State,
    /// What happens.
    pub event: Event,
    /// After.
    pub to: State,
}

const fn row(from: State, event: Event, to: State) -> Transition {
    Transition { from, event, to }
}

/// Every permitted change.
///
/// Three absences are deliberate. A receipt asked for while the request is `undelivered` is refused: the court has been
/// told 未送达, so only a replay, with a later receipt, may deliver it. `in_flight` does not become `withdrawn`: only a
/// registry that holds the demand can agree, and an agreement that overtakes its receipt waits for it. Nothing leaves
/// `registered`: what the court wants undone then is a lifting (解封).
pub const TRANSITIONS: &[Transition] = &[
    row(State::InFlight, Event::ReceiptRecorded, State::Delivered),
    row(State::InFlight, Event::WindowRecorded, State::Delivered),
    row(State::InFlight, Event::LocalReceiptReported, State::Delivered),
    row(State::InFlight, Event::Returned, State::Returned),
    row(State::InFlight, Event::DeadLettered, State::Undelivered),
    row(State::Delivered, Event::Registered, State::Registered),
    row(State::Delivered, Event::Returned, State::Returned),
    row(State::Delivered, Event::Withdrawn, State::Withdrawn),
    row(State::Undelivered, Event::Replayed, State::InFlight),
    row(State::Undelivered, Event::Closed, State::Closed),
];

/// The event does not belong to the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("[HUB-1200] a request that is {from} ({}) cannot become {event}; see the table of states", from.chinese())]
pub struct IllegalTransition {
    /// The state, which does not change.
    pub from: State,
    /// The event that was refused.
    pub event: Event,
}

impl IllegalTransition {
    /// Stable code of this error.
    pub const CODE: &'static str = "HUB-1200";
}

/// The page `hub/domain/STATES.md`, printed from [`TRANSITIONS`].
pub fn published_page() -> String {
    let mut page = String::from(
        "# States of a request\n\n\
         Printed from `hub/domain/src/state.rs`; a test fails when the two differ. What is not listed does not happen.\n\n\
         | state | on screens | final | has a rank |\n|---|---|---|---|\n",
    );
    let yes = |it: bool| if it { "yes" } else { "" };
    for state in State::ALL {
        page += &format!(
            "| `{state}` | {} | {} | {} |\n",
            state.chinese(),
            yes(state.is_terminal()),
            yes(state.has_rank())
        );
    }
    page += "\n| from | event | to | brought about by |\n|---|---|---|---|\n";
    for Transition { from, event, to } in TRANSITIONS {
        page += &format!("| `{from}` | `{event}` | `{to}` | {} |\n", event.cause());
    }
    page
}
