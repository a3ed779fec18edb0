//! Receipts whose instant lies before their recording: papers of a window (线下窗口), reports of a local link (点对点).
//!
//! The order knows no recording, so such a receipt takes the place of its instant, and what stood behind that place moves.

use jiff::{SignedDuration, Timestamp};

use crate::order::{Received, order};

/// A standing receipt that another one put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// The receipt that moved.
    pub receipt: Received,
    /// Its place before, from 1.
    pub from: usize,
    /// Its place after.
    pub to: usize,
}

/// Which receipts of the unit `newcomer` moves, in their order; without a superior court's decision, which names its own.
pub fn moved_by(standing: &[Received], newcomer: Received) -> Vec<Moved> {
    let before = order(standing, None);
    let mut all = standing.to_vec();
    all.push(newcomer);
    let after = order(&all, None);
    let moved = |(at, receipt): (usize, &Received)| {
        let to = after.iter().position(|other| other.request_id == receipt.request_id)?;
        (to != at).then_some(Moved { receipt: *receipt, from: at + 1, to: to + 1 })
    };
    before.iter().enumerate().filter_map(moved).collect()
}

/// What the published limits say about an instant that is recorded afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lateness {
    /// Within the grace: recorded as it happened.
    Timely,
    /// Beyond the grace and within the bound (补录).
    Late,
    /// Beyond the bound.
    TooLate,
    /// The instant has not come yet.
    Future,
}

/// Judges an instant against the time of its recording; both limits are inclusive.
pub fn lateness(instant: Timestamp, recorded: Timestamp, grace_secs: u32, bound_secs: u32) -> Lateness {
    let limit = |seconds: u32| SignedDuration::from_secs(i64::from(seconds));
    let lag = recorded.duration_since(instant);
    if lag.is_negative() {
        Lateness::Future
    } else if lag > limit(bound_secs) {
        Lateness::TooLate
    } else if lag > limit(grace_secs) {
        Lateness::Late
    } else {
        Lateness::Timely
    }
}
