//! What the courts are told: one numbered stream each, read by cursor, by long poll or pushed by webhook.
//!
//! Rows are written by ledger, outcomes and undelivered through [`crate::store::feedback::append`]; here they only leave.

mod listen;
pub mod routes;
mod signal;
pub mod webhook;

pub use listen::{ListenError, listen};
pub use signal::Signal;
