//! The adapters in this build, one line each. A new one is added here and nowhere else.

use std::sync::Arc;

use connector_sdk::{Adapter, ConfigError};
use toml::Table;

type Build = fn(Table) -> Result<Arc<dyn Adapter>, ConfigError>;

/// Name and constructor of every adapter.
fn adapters() -> [(&'static str, Build); 2] {
    [("rest", connector_rest::build), ("filedrop", connector_filedrop::build)]
}

/// The adapter of this name with these options.
pub(crate) fn build(name: &str, options: Table) -> Result<Arc<dyn Adapter>, ConfigError> {
    match adapters().into_iter().find(|(known, _)| *known == name) {
        Some((_, build)) => build(options).map_err(|mut error| {
            // The adapter does not know where its table stands.
            error.problems.iter_mut().for_each(|problem| problem.key = format!("{name}.{}", problem.key));
            error
        }),
        None => {
            let known: Vec<_> = adapters().iter().map(|(known, _)| *known).collect();
            Err(ConfigError::new(
                "adapter",
                format!("{name} is not in this build; there is {}", known.join(", ")),
            ))
        }
    }
}
