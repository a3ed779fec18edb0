//! Raw options → checked [`Config`]. Pure: reads no file; all mistakes are told at once.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use connector_mapping::Charset;
use connector_sdk::{ConfigError, ConfigProblem};
use serde::Deserialize;
use xiezhi_schemas::address::RegistryCode;

/// A registry that looks at its folder every few seconds has answered by then; the runtime waits 30 s by default.
const DEFAULT_ANSWER_WITHIN_MS: u64 = 20_000;
/// A listing of a small folder twice a second burdens no file server.
const DEFAULT_POLL_MS: u64 = 500;
/// Longer than the pause of a slow line between two blocks of a file.
const DEFAULT_STEADY_MS: u64 = 2_000;
/// A file server that is well answers in milliseconds; a hung one never does.
const DEFAULT_IO_TIMEOUT_MS: u64 = 10_000;
/// Results are small; a sealed receipt form may come with one.
const DEFAULT_MAX_BYTES: u64 = 8 << 20;
/// Room for some demands with their documents.
const DEFAULT_MIN_FREE_MB: u64 = 512;
/// Longer than this a demand would sit unanswered while its lane waits.
const MAX_MS: u64 = 600_000;
/// More cannot be read in one piece.
const LARGEST_MAX_BYTES: u64 = 8 << 20;

/// The form of the files that the connector writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `Message/Head/Data`.
    #[default]
    Xml,
    /// The published messages as they are.
    Json,
}

/// Checked configuration of the adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Above the exchange folders, one for each registry under its six digits.
    pub root: Option<PathBuf>,
    /// Exchange folders that stand elsewhere.
    pub registries: BTreeMap<RegistryCode, PathBuf>,
    /// The form of what is written.
    pub format: Format,
    /// The character set of XML, in both directions.
    pub charset: Charset,
    /// A mapping file for demands and for what the registry offers.
    pub mapping_file: Option<PathBuf>,
    /// How long one call waits for the registry's answer file.
    pub answer_within: Duration,
    /// How often it looks.
    pub poll: Duration,
    /// How long an incoming file must stand still.
    pub steady: Duration,
    /// Longest time that one step on the disk may take.
    pub io_timeout: Duration,
    /// Longest incoming file.
    pub max_bytes: u64,
    /// With less room than this no demand is written.
    pub min_free_bytes: u64,
    /// Whether the registry has a place for a court's wish to take a demand back.
    pub withdrawals: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    root: Option<PathBuf>,
    #[serde(default)]
    format: Format,
    charset: Option<String>,
    mapping: Option<MappingOptions>,
    answer_within_ms: Option<u64>,
    poll_ms: Option<u64>,
    steady_ms: Option<u64>,
    io_timeout_ms: Option<u64>,
    max_bytes: Option<u64>,
    min_free_mb: Option<u64>,
    withdrawals: Option<bool>,
    #[serde(default)]
    registries: BTreeMap<String, Elsewhere>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingOptions {
    file: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Elsewhere {
    root: PathBuf,
}

impl Config {
    /// Checks the options.
    ///
    /// # Errors
    /// All mistakes found; a table of the wrong shape is told first and alone.
    pub fn parse(options: toml::Table) -> Result<Self, ConfigError> {
        let options: Options = options
            .try_into()
            .map_err(|error: toml::de::Error| ConfigError::new("options", error.message()))?;
        let mut problems = Vec::new();
        let mut problem = |key: String, message: &str| {
            problems.push(ConfigProblem { key, message: message.to_owned() });
        };
        let absolute = "write the whole path, from `/` on";
        if options.root.as_deref().is_some_and(|root| !root.is_absolute()) {
            problem("root".into(), absolute);
        }
        if options.root.is_none() && options.registries.is_empty() {
            problem(
                "root".into(),
                "is missing: the folder above the exchange folders, or [registries.<code>] root for each",
            );
        }
        let mut registries = BTreeMap::new();
        for (code, elsewhere) in options.registries {
            let key = format!("registries.{code}");
            match code.parse::<RegistryCode>() {
                Err(_) => problem(key, "a registry has six digits"),
                Ok(_) if !elsewhere.root.is_absolute() => problem(format!("{key}.root"), absolute),
                Ok(code) if registries.values().any(|other| *other == elsewhere.root) => {
                    drop(code);
                    problem(format!("{key}.root"), "two registries cannot share one exchange folder");
                }
                Ok(code) => drop(registries.insert(code, elsewhere.root)),
            }
        }
        let charset = match options.charset.as_deref().map(|name| (name, Charset::named(name))) {
            None => Charset::Utf8,
            Some((_, Some(Charset::Utf8))) => Charset::Utf8,
            Some((_, Some(_))) if options.format == Format::Json => {
                problem("charset".into(), "JSON is always UTF-8 (RFC 8259); leave `charset` out");
                Charset::Utf8
            }
            Some((_, Some(Charset::Gb18030))) => Charset::Gb18030,
            Some(_) => {
                problem("charset".into(), "is `utf-8` or `gb18030`");
                Charset::Utf8
            }
        };
        let mut millis = |key: &str, value: Option<u64>, default, least: u64| {
            let value = value.unwrap_or(default);
            if !(least..=MAX_MS).contains(&value) {
                problem(key.into(), &format!("between {least} and {MAX_MS} milliseconds"));
            }
            Duration::from_millis(value)
        };
        let answer_within = millis("answer_within_ms", options.answer_within_ms, DEFAULT_ANSWER_WITHIN_MS, 1);
        let poll = millis("poll_ms", options.poll_ms, DEFAULT_POLL_MS, 1);
        let steady = millis("steady_ms", options.steady_ms, DEFAULT_STEADY_MS, 0);
        let io_timeout = millis("io_timeout_ms", options.io_timeout_ms, DEFAULT_IO_TIMEOUT_MS, 1);
        if steady + poll >= answer_within {
            problem(
                "answer_within_ms".into(),
                "must be longer than `steady_ms` and `poll_ms` together, or no answer is ever seen in time",
            );
        }
        let max_bytes = options.max_bytes.unwrap_or(DEFAULT_MAX_BYTES);
        if !(1..=LARGEST_MAX_BYTES).contains(&max_bytes) {
            problem("max_bytes".into(), "between 1 and 8388608");
        }
        let min_free_bytes = options.min_free_mb.unwrap_or(DEFAULT_MIN_FREE_MB).saturating_mul(1 << 20);
        ConfigError::check(problems)?;
        Ok(Self {
            root: options.root,
            registries,
            format: options.format,
            charset,
            mapping_file: options.mapping.map(|mapping| mapping.file),
            answer_within,
            poll,
            steady,
            io_timeout,
            max_bytes,
            min_free_bytes,
            withdrawals: options.withdrawals.unwrap_or(true),
        })
    }

    /// The exchange folder of a registry; none when nothing names one.
    pub fn folder(&self, registry: &RegistryCode) -> Option<PathBuf> {
        let below = |root: &Path| root.join(registry.as_str());
        self.registries.get(registry).cloned().or_else(|| self.root.as_deref().map(below))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn keys(text: &str) -> Vec<String> {
        let error = Config::parse(text.parse().unwrap()).unwrap_err();
        error.problems.into_iter().map(|problem| problem.key).collect()
    }

    #[test]
    fn options_are_checked_all_at_once() {
        let config = Config::parse(
            r#"
            root = "/srv/exchange"
            charset = "GB18030"
            steady_ms = 0
            min_free_mb = 1
            [registries.320104]
            root = "/mnt/other"
            "#
            .parse()
            .unwrap(),
        )
        .unwrap();
        let at = |code: &str| config.folder(&code.parse().unwrap()).unwrap();
        assert_eq!(at("320102"), Path::new("/srv/exchange/320102"));
        assert_eq!(at("320104"), Path::new("/mnt/other"));
        assert_eq!((config.format, config.charset), (Format::Xml, Charset::Gb18030));
        assert_eq!((config.steady, config.min_free_bytes), (Duration::ZERO, 1 << 20));

        let wrong = r#"
            root = "exchange"
            format = "json"
            charset = "gb18030"
            poll_ms = 0
            answer_within_ms = 1000
            max_bytes = 0
            [registries.32]
            root = "/a"
            [registries.320104]
            root = "b"
            [registries.320105]
            root = "/c"
            [registries.320106]
            root = "/c"
        "#;
        assert_eq!(
            keys(wrong),
            [
                "root",
                "registries.32",
                "registries.320104.root",
                "registries.320106.root",
                "charset",
                "poll_ms",
                "answer_within_ms",
                "max_bytes"
            ]
        );
        assert_eq!(keys("format = 'xml'"), ["root"]);
        assert_eq!(keys("root = '/a'\ncharset = 'gbk'"), ["charset"]);
        assert_eq!(keys("root = '/a'\nrot = '/b'"), ["options"]);
    }
}
