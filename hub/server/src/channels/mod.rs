//! The other channels: papers handed in at a registry's window (线下窗口) and receipts of its point-to-point system (点对点).
//!
//! They get their lines in the same ledger as the network's: the recording is stamped as ever, the instant of 送达 is the one
//! that the window or the local system proves (法〔2024〕32号 二(三)2), within a published bound and never in the future. The
//! order of creditors looks at the instant alone. `take` writes such a demand, its receipt and what it passes in one
//! transaction; `entry` judges what a clerk enters, `confirm` what the second person says; [`local`] what connectors report.

mod confirm;
mod entry;
pub mod local;
mod outages;
mod outcome;
pub mod routes;
mod take;
mod view;

use std::sync::Arc;

use jiff::Timestamp;
use xiezhi_domain::{
    late::{Lateness, lateness},
    timers::Timers,
};

use crate::{config::ChannelSettings, ledger::trusted::TrustedClock, register::WaitingRules};

/// What the other channels work with; cheap to clone.
#[derive(Debug, Clone)]
pub struct Desk {
    /// The ledger's clock, shared with the network's receipts.
    pub clock: Arc<TrustedClock>,
    /// The published bounds.
    pub rules: ChannelSettings,
    /// The rule of waiting seizures, for results that clerks report.
    pub waiting: WaitingRules,
    /// The limits that those results are held against.
    pub timers: Arc<Timers>,
}

/// An instant as PostgreSQL keeps it, in microseconds: what is hashed must be what is stored.
fn kept(instant: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(instant.as_microsecond())
        .expect("an earlier instant of the same second is one")
}

impl Desk {
    /// The bound for a hand-over at a window: longer when an outage was announced for that instant.
    fn window_bound(&self, in_outage: bool) -> u32 {
        if in_outage {
            self.rules.outage_bound_secs.max(self.rules.window_bound_secs)
        } else {
            self.rules.window_bound_secs
        }
    }

    fn judge(&self, handed_over: Timestamp, recorded: Timestamp, bound: u32) -> Lateness {
        lateness(handed_over, recorded, self.rules.window_grace_secs, bound)
    }
}
