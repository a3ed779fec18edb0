//! The sections as types, and the checks that go beyond a type.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::Value;

use super::{Loaded, Problem};
use crate::{
    register::{RulesError, WaitingRules},
    store::{self, SecretUrl},
};

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text, for the one place that uses it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
        )*
    };
}

sections! {
    /// All settings of the hub. What each means is written once, in the default file.
    Config {
        /// PostgreSQL.
        database: store::Settings,
        /// RabbitMQ.
        broker: BrokerSettings,
        /// The API.
        http: HttpSettings,
        /// The object store.
        documents: DocumentsSettings,
        /// Limits of the registries' queues.
        delivery: DeliverySettings,
        /// The outbox relay.
        relay: RelaySettings,
        /// The receipt ledger.
        ledger: LedgerSettings,
        /// What the courts are told.
        feedback: FeedbackSettings,
        /// Working days.
        calendar: CalendarSettings,
        /// Waiting seizures.
        waiting: WaitingSettings,
        /// The hub's own secret.
        secret: SecretSettings,
        /// Logs, traces and counters.
        telemetry: TelemetrySettings,
        /// The ordered stop.
        shutdown: ShutdownSettings,
    }
    /// RabbitMQ.
    BrokerSettings {
        /// AMQP URL with the virtual host.
        url: SecretUrl,
        /// Management API; empty when there is none.
        management_url: SecretUrl,
        /// Milliseconds.
        publish_timeout_ms: u64,
    }
    /// The API.
    HttpSettings {
        /// Address and port.
        listen: SocketAddr,
        /// Whether an address other than the loopback is meant.
        allow_public_bind: bool,
        /// Bytes.
        max_body_bytes: usize,
        /// Per sender.
        rate_per_second: u32,
        /// Per sender.
        rate_burst: u32,
        /// Milliseconds.
        request_timeout_ms: u64,
        /// Outbox rows.
        max_unconfirmed: i64,
        /// Connections.
        max_connections: usize,
        /// PEM file; empty for plain HTTP.
        tls_certificate_file: PathBuf,
        /// PEM file.
        tls_key_file: PathBuf,
        /// PEM file; empty when clients need no certificate.
        tls_client_ca_file: PathBuf,
    }
    /// The object store.
    DocumentsSettings {
        /// Which kind of store.
        store: StoreKind,
        /// Folder of the local store.
        root: PathBuf,
        /// Bytes.
        max_document_bytes: u64,
        /// The S3-compatible store.
        s3: S3Settings,
    }
    /// An S3-compatible store.
    S3Settings {
        /// URL.
        endpoint: String,
        /// Region.
        region: String,
        /// Bucket.
        bucket: String,
        /// Key id.
        access_key: String,
        /// Key.
        secret_key: Secret,
    }
    /// Limits of the registries' queues.
    DeliverySettings {
        /// Seconds until a waiting demand counts as undelivered (未送达).
        window_secs: u64,
        /// Messages.
        queue_max_length: u64,
        /// Redeliveries.
        delivery_limit: u32,
    }
    /// The outbox relay.
    RelaySettings {
        /// Messages under way at once.
        batch_size: u32,
        /// Milliseconds.
        period_ms: u64,
    }
    /// The receipt ledger.
    LedgerSettings {
        /// Receipts in a transaction.
        batch_size: u32,
        /// Milliseconds.
        linger_ms: u64,
        /// Milliseconds.
        clock_bound_ms: u64,
        /// PEM file.
        signing_key_file: PathBuf,
        /// File of signed heads; empty for none.
        witness_file: PathBuf,
    }
    /// What the courts are told.
    FeedbackSettings {
        /// Seconds.
        long_poll_max_secs: u64,
        /// Milliseconds.
        webhook_timeout_ms: u64,
        /// Seconds.
        webhook_max_backoff_secs: u64,
        /// Whether private addresses may be called.
        webhook_allow_private: bool,
        /// Networks, separated by commas.
        webhook_networks: String,
    }
    /// Working days.
    CalendarSettings {
        /// File with further years; empty for none.
        extra_file: PathBuf,
        /// Days before the end of the loaded years.
        warn_days: u32,
    }
    /// Waiting seizures (轮候查封).
    WaitingSettings {
        /// First day of the rule of 法〔2024〕32号, `YYYY-MM-DD`; has no default.
        cut_over_day: String,
        /// The rule of those registered before that day.
        rule_before: String,
        /// Exceptions by province, `32=from_registration`.
        rule_before_in: Vec<String>,
    }
    /// The hub's own secret.
    SecretSettings {
        /// File with 64 hexadecimal digits.
        hub_secret_file: PathBuf,
    }
    /// Logs, traces and counters.
    TelemetrySettings {
        /// Form of the log lines.
        log_format: LogFormat,
        /// What is logged.
        log_filter: String,
        /// Collector; empty for none.
        otlp_endpoint: String,
        /// Share of traces kept, 0 to 1.
        sample_ratio: f64,
    }
    /// The ordered stop.
    ShutdownSettings {
        /// Seconds for all stages together.
        grace_secs: u64,
    }
}

impl LedgerSettings {
    /// The witness file, if there is one.
    pub fn witness(&self) -> Option<&Path> {
        Some(self.witness_file.as_path()).filter(|path| !path.as_os_str().is_empty())
    }
}

impl CalendarSettings {
    /// The file with further years, if there is one.
    pub fn extra(&self) -> Option<&Path> {
        Some(self.extra_file.as_path()).filter(|path| !path.as_os_str().is_empty())
    }
}

/// Which object store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// A folder.
    Local,
    /// An S3-compatible store.
    S3,
}

/// Form of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For a terminal.
    Text,
}

/// Smallest and largest value of each number.
const RANGES: &[(&str, i64, i64)] = &[
    ("database.pool_size", 4, 1000),
    ("database.wait_timeout_ms", 100, 60_000),
    ("database.statement_timeout_ms", 100, 600_000),
    ("broker.publish_timeout_ms", 100, 120_000),
    ("http.max_body_bytes", 4096, 64 << 20),
    ("http.rate_per_second", 1, 1_000_000),
    ("http.rate_burst", 1, 1_000_000),
    ("http.request_timeout_ms", 100, 600_000),
    ("http.max_unconfirmed", 1, 1_000_000_000),
    ("http.max_connections", 8, 1_000_000),
    ("documents.max_document_bytes", 1024, 1 << 30),
    // The broker holds a time to live in 32 bits of milliseconds.
    ("delivery.window_secs", 1, 4_294_967),
    ("delivery.queue_max_length", 1, 100_000_000),
    ("delivery.delivery_limit", 20, 1_000_000_000),
    ("relay.batch_size", 1, 4096),
    ("relay.period_ms", 10, 60_000),
    ("ledger.batch_size", 1, 4096),
    ("ledger.linger_ms", 0, 1000),
    ("ledger.clock_bound_ms", 1, 60_000),
    ("feedback.long_poll_max_secs", 0, 300),
    ("feedback.webhook_timeout_ms", 100, 120_000),
    ("feedback.webhook_max_backoff_secs", 1, 86_400),
    ("calendar.warn_days", 1, 300),
    ("shutdown.grace_secs", 1, 3600),
];

/// Keys whose text must be one of a few.
const CHOICES: &[(&str, &[&str])] =
    &[("documents.store", &["local", "s3"]), ("telemetry.log_format", &["json", "text"])];

/// Keys that need a URL: schemes, and whether it may be left out.
const URLS: &[(&str, &[&str], bool)] = &[
    ("database.url", &["postgres", "postgresql"], false),
    ("broker.url", &["amqp", "amqps"], false),
    ("broker.management_url", &["http", "https"], true),
    ("telemetry.otlp_endpoint", &["http", "https"], true),
    ("documents.s3.endpoint", &["http", "https"], true),
];

/// Everything that is wrong with the meaning of the values.
pub(super) fn check(loaded: &Loaded) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut say = |code, key: &str, expected: String| {
        problems.push(Problem { code, key: key.to_owned(), source: loaded.source(key), expected });
    };
    let text = |key: &str| loaded.value(key).and_then(Value::as_str).unwrap_or_default();
    for (key, least, most) in RANGES {
        let number = loaded.value(key).and_then(Value::as_integer).unwrap_or_default();
        if !(*least..=*most).contains(&number) {
            say("HUB-1013", key, format!("expected a whole number from {least} to {most}"));
        }
    }
    for (key, choices) in CHOICES {
        if !choices.contains(&text(key)) {
            say("HUB-1013", key, format!("expected one of {}", choices.join(", ")));
        }
    }
    for (key, schemes, optional) in URLS {
        match text(key) {
            "" if *optional => {}
            "" => say("HUB-1014", key, format!("must be set to a URL {}://…", schemes[0])),
            url => {
                let fits = url.split_once("://").is_some_and(|(scheme, rest)| {
                    schemes.contains(&scheme) && !rest.is_empty() && !rest.starts_with('/')
                });
                if !fits || url.parse::<axum::http::Uri>().is_err() {
                    say("HUB-1013", key, format!("expected a URL {}://…", schemes.join(":// or ")));
                }
            }
        }
    }
    let ratio = loaded.value("telemetry.sample_ratio").and_then(Value::as_float).unwrap_or(-1.0);
    if !(0.0..=1.0).contains(&ratio) {
        say("HUB-1013", "telemetry.sample_ratio", "expected a number from 0.0 to 1.0".to_owned());
    }
    if text("telemetry.log_filter").parse::<tracing_subscriber::EnvFilter>().is_err() {
        say(
            "HUB-1013",
            "telemetry.log_filter",
            "expected a filter such as info or hub=debug,info".to_owned(),
        );
    }
    if crate::feedback::targets::networks(text("feedback.webhook_networks")).is_err() {
        let expected = "expected networks separated by commas, 10.20.0.0/16, fd00:20::/32".to_owned();
        say("HUB-1013", "feedback.webhook_networks", expected);
    }
    match text("http.listen").parse::<SocketAddr>() {
        Err(_) => say("HUB-1013", "http.listen", "expected an address and a port, 127.0.0.1:8300".to_owned()),
        Ok(address) => {
            let plain = text("http.tls_certificate_file").is_empty();
            let meant = loaded.value("http.allow_public_bind").and_then(Value::as_bool) == Some(true);
            if !address.ip().is_loopback() && plain && !meant {
                say(
                    "HUB-1015",
                    "http.listen",
                    "an address other than the loopback needs http.tls_certificate_file, or http.allow_public_bind = true with \
                     a proxy in front that does TLS"
                        .to_owned(),
                );
            }
        }
    }
    // One without the other would be plain HTTP where somebody meant TLS.
    for (key, needs) in [
        ("http.tls_certificate_file", "http.tls_key_file"),
        ("http.tls_key_file", "http.tls_certificate_file"),
        ("http.tls_client_ca_file", "http.tls_certificate_file"),
    ] {
        if !text(key).is_empty() && text(needs).is_empty() {
            say("HUB-1014", needs, format!("must name a file, because {key} does"));
        }
    }
    for key in ["ledger.signing_key_file", "secret.hub_secret_file"] {
        if text(key).is_empty() {
            say("HUB-1014", key, "must name a file; `hub keys init` makes it".to_owned());
        }
    }
    // Values of a wrong type were refused before.
    if let Some(Ok(settings)) = loaded.value("waiting").cloned().map(Value::try_into::<WaitingSettings>)
        && let Err(RulesError { key, missing, expected }) = WaitingRules::read(&settings)
    {
        say(if missing { "HUB-1014" } else { "HUB-1013" }, key, expected);
    }
    let needed: &[&str] = match text("documents.store") {
        "s3" => &[
            "documents.s3.endpoint",
            "documents.s3.bucket",
            "documents.s3.access_key",
            "documents.s3.secret_key",
        ],
        _ => &["documents.root"],
    };
    for key in needed {
        if text(key).is_empty() {
            say(
                "HUB-1014",
                key,
                format!("must be set for documents.store = \"{}\"", text("documents.store")),
            );
        }
    }
    problems
}
