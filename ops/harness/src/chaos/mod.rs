//! Chaos: demands travel through the real programs while these are killed, frozen and cut off by a schedule that a seed
//! decides. Afterwards everything is repaired, the undelivered are replayed, and every invariant is checked from outside.
//!
//! A fault that did not fire fails the run, and so does a check that could not be made: a quiet run proves nothing.

mod faults;
mod injector;
mod options;
mod outcome;
mod plan;
mod rest;
mod run;
mod self_test;
mod submit;
mod versions;

pub use faults::{Fault, Injection, Kind, schedule};
pub use injector::Injected;
pub use options::{Options, Plant};
pub use outcome::RunOutcome;
pub use run::run;
pub use self_test::{Caught, self_test};
