//! The checked configuration. Reading it is pure (text and variables in, values or all problems out); whether broker, hub
//! and local systems agree with it is for [`crate::check`].

mod check;
mod layers;

use std::{net::SocketAddr, time::Duration};

use serde::Deserialize;
use toml::{Table, Value};
use xiezhi_schemas::{
    address::{ProvinceCode, RegistryCode},
    signature::ProvinceKey,
};

pub use self::layers::{ENV_PREFIX, EXAMPLE};
use crate::{config_error::ConfigError, secret::Secret};

/// Everything a connector needs to know, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Name of the instance.
    pub name: String,
    /// The province whose broker account it uses.
    pub province: ProvinceCode,
    /// Shared with the hub.
    pub province_key: ProvinceKey,
    /// First 16 hexadecimal digits of SHA-256 over a label and the key's text; the hub tells its own, to compare.
    pub key_fingerprint: String,
    /// The registries it serves.
    pub registries: Vec<RegistryCode>,
    /// Which adapter.
    pub adapter: String,
    /// The adapter's own options, unchecked; its `build` checks them.
    pub adapter_options: Table,
    /// The broker.
    pub broker: Broker,
    /// The hub's HTTP side.
    pub hub: Hub,
    /// Documents.
    pub documents: Documents,
    /// How fast, how often, how long.
    pub pace: Pace,
    /// Receipts.
    pub receipts: ReceiptPace,
    /// Results and returns.
    pub outcomes: OutcomePace,
    /// Time for work in hand after SIGTERM.
    pub grace: Duration,
    /// Status page.
    pub listen: Option<SocketAddr>,
    /// Logs and traces.
    pub telemetry: Telemetry,
}

/// `[broker]`.
#[derive(Debug, Clone)]
pub struct Broker {
    /// URL with account and password.
    pub url: Secret,
    /// Host and port, for messages.
    pub host: String,
    /// Account; RabbitMQ checks that messages name it.
    pub user: String,
    /// Longest time for one request.
    pub timeout: Duration,
}

/// `[hub]`.
#[derive(Debug, Clone)]
pub struct Hub {
    /// Base URL without a slash at its end.
    pub url: String,
    /// Bearer token.
    pub token: Secret,
    /// Longest time for one answer.
    pub timeout: Duration,
}

/// `[documents]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Documents {
    /// Largest document.
    pub max_bytes: u64,
    /// Memory for documents that several demands name.
    pub cache_bytes: u64,
    /// Fetched at the same time.
    pub parallel: usize,
}

/// `[pace]`.
#[derive(Debug, Clone)]
pub struct Pace {
    /// Deliveries of one registry in hand.
    pub prefetch: u16,
    /// Lanes of one registry worked on at once.
    pub lanes: usize,
    /// Longest time for one call of the adapter.
    pub deliver_timeout: Duration,
    /// Tries in place.
    pub tries: u32,
    /// Wait before the second try.
    pub first_wait: Duration,
    /// First wait of a paused registry.
    pub probe_first: Duration,
    /// Longest wait of a paused registry.
    pub probe_most: Duration,
    /// Failures of one demand among others that succeed until it is parked.
    pub isolate_after: u32,
}

/// `[receipts]`.
#[derive(Debug, Clone)]
pub struct ReceiptPace {
    /// Receipts in one message.
    pub batch: usize,
    /// Wait for others.
    pub linger: Duration,
    /// Wait for the answer.
    pub answer_timeout: Duration,
}

/// `[outcomes]`.
#[derive(Debug, Clone)]
pub struct OutcomePace {
    /// Between two questions.
    pub period: Duration,
    /// Fetched at once.
    pub batch: usize,
}

/// `[telemetry]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// Filter.
    pub log: String,
    /// Collector; empty for none.
    pub otlp_endpoint: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: String,
    province: String,
    province_key: Secret,
    registries: Vec<String>,
    adapter: String,
    broker: RawBroker,
    hub: RawHub,
    documents: Documents,
    pace: RawPace,
    receipts: RawReceipts,
    outcomes: RawOutcomes,
    shutdown: RawShutdown,
    health: RawHealth,
    telemetry: Telemetry,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBroker {
    url: Secret,
    allow_plaintext: bool,
    timeout_secs: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHub {
    url: String,
    token: Secret,
    allow_plaintext: bool,
    timeout_secs: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPace {
    prefetch: u16,
    lanes: usize,
    deliver_timeout_secs: u64,
    tries: u32,
    first_wait_millis: u64,
    probe_first_secs: u64,
    probe_most_secs: u64,
    isolate_after: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawReceipts {
    batch: usize,
    linger_millis: u64,
    answer_timeout_secs: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOutcomes {
    period_millis: u64,
    batch: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShutdown {
    grace_secs: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHealth {
    listen: String,
}

impl Config {
    /// The configuration of this text and these environment variables.
    ///
    /// # Errors
    /// Everything that is wrong, at once; a type error or unknown key of TOML alone.
    pub fn read(file: &str, env: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut table = layers::merge(file, env)?;
        let options = match table.get("adapter").and_then(Value::as_str).map(str::to_owned) {
            Some(adapter) if !adapter.is_empty() && !is_own_key(&adapter) => match table.remove(&adapter) {
                Some(Value::Table(options)) => options,
                Some(_) => return Err(ConfigError::new(adapter, "must be a table of the adapter's options")),
                None => Table::new(),
            },
            _ => Table::new(),
        };
        let raw: Raw = table.try_into().map_err(|error: toml::de::Error| {
            ConfigError::new("configuration", error.message().to_owned())
        })?;
        check::check(raw, options)
    }
}

/// Whether the key belongs to the connector itself, so that it cannot be an adapter's name.
fn is_own_key(key: &str) -> bool {
    EXAMPLE.parse::<Table>().is_ok_and(|table| table.contains_key(key))
}

#[cfg(test)]
mod tests;
