//! Adapter for registry systems that exchange files in a directory: the protocol is in `README.md` beside this crate.
//!
//! `folder` is the only file that touches the exchange (`mapping_file` reads the configuration's mapping). What stands in a directory decides what happens next, and nothing else
//! does, so that a connector which dies between two steps goes on from whatever it finds.

mod adapter;
mod classify;
mod config;
mod desk;
mod encode;
mod folder;
mod mapping_file;
mod names;
mod quarantine;
mod read;
mod steady;
#[cfg(test)]
mod steps_tests;

use std::sync::Arc;

use connector_sdk::{Adapter, ConfigError};

pub use adapter::FileDrop;
pub use config::{Config, Format};

/// Builds the adapter from the options of its configuration table; see `README.md` for them.
///
/// # Errors
/// All mistakes in the options, or in the mapping file that they name.
pub fn build(options: toml::Table) -> Result<Arc<dyn Adapter>, ConfigError> {
    Ok(Arc::new(FileDrop::new(Config::parse(options)?)?))
}
