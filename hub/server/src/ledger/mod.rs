//! The ledger: the only place where a demand becomes 送达.
//!
//! A connector reports that the registry durably holds a demand and waits for the answer before it acknowledges the
//! delivery. Here the report becomes a numbered, timed and hash-chained line, in one transaction with the new state and the
//! court's news of it. [`chain`] says what is hashed, [`clock`] when the hub refuses to stamp, [`stamp`] what happens to
//! each report, [`heads`] how heads are signed and witnessed, [`verify`] how anybody checks all of it.

pub mod chain;
pub mod clock;
pub mod heads;
mod receive;
pub mod stamp;
pub mod verify;

use std::path::PathBuf;

use serde::Deserialize;

pub use receive::run;

/// How the ledger works.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Receipt messages stamped in one transaction at the most.
    pub batch_size: usize,
    /// How long a transaction waits for more receipts after the first, in milliseconds.
    pub linger_ms: u64,
    /// How far the clocks of database and hub may be apart, or the database's clock may jump, in milliseconds.
    pub clock_bound_ms: u64,
    /// How often grown heads are signed and witnessed, in milliseconds.
    pub signing_period_ms: u64,
    /// SM2 key (PKCS#8 PEM) that signs heads; `hub keys init` makes one.
    pub signing_key_file: PathBuf,
    /// File outside the database to which signed heads are appended, and with which the ledger is compared at start.
    pub witness_file: PathBuf,
}
