//! The ledger: the only place where a demand becomes 送达.
//!
//! A connector reports that the registry durably holds a demand and waits for the answer before it acknowledges the
//! delivery. Here the report becomes a numbered, timed and hash-chained line, in one transaction with the new state and the
//! court's news of it. [`chain`] says what is hashed, [`clock`] when the hub refuses to stamp, [`stamp`] what happens to
//! each report of the network, [`pen`] how a line of any channel gets its number, [`heads`] how heads are signed and witnessed, [`verify`] how anybody checks all of it.

pub mod chain;
pub mod clock;
pub mod heads;
pub mod pen;
mod receive;
pub mod stamp;
pub mod trusted;
pub mod verify;

pub use receive::run;
