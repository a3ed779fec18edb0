//! What every connector is made of: the [`Adapter`] trait that speaks to one kind of local registry system, and the runtime
//! which brings a demand from the registry's queue to that system and its receipt (送达) to the ledger. Adapters
//! classify, the runtime decides.

mod adapter;
pub mod code;
mod config_error;

pub use adapter::{Adapter, AdapterError, DeliveryOrder, FetchedDocument, LocalOutcome, Outcome};
pub use config_error::{ConfigError, ConfigProblem};
