//! The register of seizures of each unit: what registries report is learned in the transaction in which it takes effect,
//! what time brings about is written by a task, and everyone who may reads the unit's queue.
//!
//! What anything means is decided by [`xiezhi_domain::register`]; this module locks, writes and tells. Nothing here alters
//! a registry's decision: a report that does not fit becomes an event, and the register stays as it was.

mod lapse;
pub mod queue;
mod record;
pub mod routes;
mod rules;

pub use lapse::{pass_time, run};
pub use record::{Heard, News, record};
pub use rules::{RulesError, WaitingRules};
