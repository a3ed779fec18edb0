//! Withdrawals, disputes, consultations, corrections and contacts through the API, on a real database.
#![allow(clippy::unwrap_used, clippy::missing_docs_in_private_items, reason = "a test may panic")]

#[allow(dead_code, reason = "shared with the tests of intake")]
#[path = "../intake/support.rs"]
mod support;

mod disputes;
mod issues;
mod road;
mod talks;
mod withdrawals;
