//! Settings of the hub: compiled-in defaults, then a file, then the environment.
//!
//! The default file is the list of all keys and of their types: a key it lacks is unknown, a value of another type is
//! refused. So file, documentation and code cannot drift apart. Layers are kept apart by an own reader of a hundred
//! lines because every error and `hub config show` must name the key *and* where its value came from.

mod environment;
mod error;
mod layers;
mod sections;
mod show;

pub use error::{ConfigError, Problem};
pub use layers::{Loaded, Source};
pub use sections::{
    BrokerSettings, CalendarSettings, Config, DeliverySettings, DocumentsSettings, FeedbackSettings,
    HttpSettings, LedgerSettings, LogFormat, RelaySettings, S3Settings, Secret, SecretSettings,
    ShutdownSettings, StoreKind, TelemetrySettings, WaitingSettings,
};
pub use show::{Line, effective};

/// The commented default file.
pub const DEFAULT: &str = include_str!("../../config.default.toml");

#[cfg(test)]
mod tests;
