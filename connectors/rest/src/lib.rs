//! Adapter for registry systems that offer an HTTP interface with JSON: the protocol is in `README.md` beside this crate.
//!
//! Everything but `client` is pure, so that what counts as received, refused or unwell can be read and tested as a table.

mod adapter;
mod classify;
mod client;
mod config;
mod encode;
mod fetched;
mod mapped;

use std::sync::Arc;

use connector_sdk::{Adapter, ConfigError};

pub use adapter::RestAdapter;
pub use config::{Config, Endpoint, Secret};

/// Builds the adapter from the options of its configuration table; see `README.md` for them.
///
/// # Errors
/// All mistakes in the options, or that the file of the certificate authority cannot be used.
pub fn build(options: toml::Table) -> Result<Arc<dyn Adapter>, ConfigError> {
    Ok(Arc::new(RestAdapter::new(Config::parse(options)?)?))
}
