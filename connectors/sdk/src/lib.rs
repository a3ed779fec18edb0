//! What every connector is made of: the [`Adapter`] trait that speaks to one kind of local registry system, and the runtime
//! which brings a demand from the registry's queue to that system and its receipt (送达) to the ledger. Adapters
//! classify, the runtime decides.

mod adapter;
mod backoff;
mod bus;
pub mod check;
pub mod code;
pub mod config;
mod config_error;
pub mod conformance;
mod documents;
mod errand;
mod failpoint;
mod health;
mod hub;
mod local_receipts;
mod outcomes;
mod question;
mod receipts;
mod redact;
mod runtime;
#[cfg(test)]
mod sample;
mod secret;
pub mod status;
pub mod telemetry;
mod withdrawals;

pub use adapter::{
    Adapter, AdapterError, DeliveryOrder, FetchedDocument, LocalOutcome, LocalReceiptOffer, Outcome, Preview,
    WithdrawalOrder,
};
pub use bus::chain;
pub use config::Config;
pub use config_error::{ConfigError, ConfigProblem};
pub use redact::redact;
pub use runtime::{RunError, run};
pub use secret::Secret;
