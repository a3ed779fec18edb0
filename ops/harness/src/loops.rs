//! How often a test strikes: a few times in the gate of every change, as often as the fault matrix asks in `ops/faults`.

use std::env;
use std::time::Duration;

/// Variable that asks for the full number of loops with the value `full`.
pub const LOOPS: &str = "XIEZHI_LOOPS";

/// Whether the full number is asked for.
#[must_use]
pub fn are_full() -> bool {
    env::var(LOOPS).is_ok_and(|value| value == "full")
}

/// The number of loops of a test, which is written down with its result.
#[must_use]
pub fn loops(gate: usize, full: usize) -> usize {
    let count = if are_full() { full } else { gate };
    println!("{count} loops (gate {gate}, full {full})");
    count
}

/// How long a fault lasts, in seconds: short in the gate, as the fault matrix asks in `ops/faults`.
#[must_use]
pub fn lasting(gate: u64, full: u64) -> Duration {
    Duration::from_secs(if are_full() { full } else { gate })
}
