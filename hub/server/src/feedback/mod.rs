//! What the courts are told: one numbered stream each, read by cursor, by long poll, pushed by webhook or
//! published to a queue on the broker.
//!
//! Rows are written by ledger, outcomes and undelivered through [`crate::store::feedback::append`]; here they only leave.

mod listen;
pub mod queue;
pub mod routes;
mod signal;
pub mod subscription;
pub mod targets;
pub mod webhook;

pub use listen::{ListenError, listen};
pub use signal::Signal;
