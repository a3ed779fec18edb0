//! What the courts are told: one numbered stream each, read by cursor, by long poll or pushed by webhook.
//!
//! Rows are written by ledger, outcomes and undelivered through [`crate::store::feedback::append`]; here they only leave.

mod listen;
pub mod routes;
mod signal;
pub mod webhook;

use std::time::Duration;

use serde::Deserialize;

pub use listen::{ListenError, listen};
pub use signal::Signal;

/// How the courts are told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Longest wait of `GET /v1/feedback` for something new, in seconds.
    pub long_poll_max_secs: u64,
    /// Longest wait for a court's webhook, in milliseconds.
    pub webhook_timeout_ms: u64,
    /// Longest pause after a webhook failed, in seconds.
    pub webhook_max_backoff_secs: u64,
    /// Whether webhooks may go to private and loopback addresses, and there over plain `http://`. For tests and closed
    /// networks.
    pub webhook_allow_private: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            long_poll_max_secs: 30,
            webhook_timeout_ms: 10_000,
            webhook_max_backoff_secs: 600,
            webhook_allow_private: false,
        }
    }
}

impl Settings {
    pub(crate) fn webhook_timeout(&self) -> Duration {
        Duration::from_millis(self.webhook_timeout_ms)
    }
}
