//! Faults struck on real processes, one row of the fault matrix after the other: kills at the worst moment, frozen
//! programs, dead servers, copied messages. Each test says in its name which rows it covers; after each the invariants
//! are checked from outside.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(
    clippy::disallowed_methods,
    reason = "the fences are for the programs; these tests publish and spawn to break them"
)]

mod alarm;
mod broker;
mod copies;
mod crashes;
mod cuts;
mod database;
mod decisions;
mod frozen;
mod hand;
mod run;
mod silence;
mod values;
mod window;
