//! Everything that a judgement rests on, gathered outside the hub.

use std::time::Duration;

use super::broker::BrokerView;
use super::clients::Attempt;
use super::copies::Copies;
use super::journal::JournalLine;
use super::order::{Queue, Shown};
use super::report::Finding;

/// Longest time from the last repair until nothing is in flight any more.
pub const SETTLE_WITHIN: Duration = Duration::from_secs(60);

/// How the run came to rest after the last repair.
#[derive(Debug, Clone)]
pub enum Settled {
    /// Nothing was in flight any more after this time.
    After(Duration),
    /// Something was still in flight when waiting ended.
    Not {
        /// How long was waited.
        waited: Duration,
        /// What was left.
        left: String,
    },
}

/// What the checks may look at. What is `None` makes its checks "not checked".
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The hub's database as administrator.
    pub database_url: String,
    /// Every call that clients made and every answer they got.
    pub clients: Option<Vec<Attempt>>,
    /// Journals of all registry systems.
    pub journals: Option<Vec<JournalLine>>,
    /// What lies in the broker's queues.
    pub broker: Option<BrokerView>,
    /// Receipts and heads copied during the run.
    pub copies: Option<Copies>,
    /// How the run came to rest.
    pub settled: Option<Settled>,
    /// Receipts as the API shows them.
    pub shown: Option<Vec<Shown>>,
    /// Queues of units as the API shows them.
    pub queues: Option<Vec<Queue>>,
}

impl Evidence {
    pub(super) fn liveness(&self) -> Finding {
        let (id, statement, by) = (
            "V04",
            "after the last repair everything in flight moves on within 60 s",
            "ops/harness/src/invariants/evidence.rs",
        );
        match &self.settled {
            None => Finding::not_checked(id, statement, by, "the time from the last repair to rest"),
            Some(Settled::After(time)) if *time <= SETTLE_WITHIN => {
                Finding::of(id, statement, by, Vec::new())
            }
            Some(Settled::After(time)) => {
                Finding::of(id, statement, by, vec![format!("it took {:.1} s", time.as_secs_f64())])
            }
            Some(Settled::Not { waited, left }) => {
                let text = format!("after {:.1} s there was still {left}", waited.as_secs_f64());
                Finding::of(id, statement, by, vec![text])
            }
        }
    }
}
