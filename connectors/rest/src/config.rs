//! Raw options → checked [`Config`]. Pure: reads no file and opens no connection; all mistakes are told at once.

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use connector_sdk::{ConfigError, ConfigProblem};
use reqwest::Url;
use serde::{Deserialize, Deserializer, de::Error as _};
use xiezhi_schemas::address::RegistryCode;

/// A delivery carries its documents; a registry on a slow line needs some time to store them.
const DEFAULT_TIMEOUT_MS: u64 = 30_000;
/// A machine that is up answers a connection at once.
const DEFAULT_CONNECT_TIMEOUT_MS: u64 = 5_000;
/// Longer than this the demand would sit unanswered while its lane waits.
const MAX_TIMEOUT_MS: u64 = 600_000;

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text, for the one place that sends it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not `String::deserialize`: its error would print a value of another type.
        match toml::Value::deserialize(deserializer) {
            Ok(toml::Value::String(text)) => Ok(Self(text)),
            _ => Err(D::Error::custom("a secret is a text in quotes")),
        }
    }
}

/// Where and as whom a local system is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What stands before `/registries/…`.
    pub base_url: Url,
    /// Bearer token.
    pub token: Secret,
}

/// Checked configuration of the adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// For every registry that is not named in `registries`.
    pub endpoint: Endpoint,
    /// Registries whose system stands elsewhere.
    pub registries: BTreeMap<RegistryCode, Endpoint>,
    /// For one call from begin to end.
    pub timeout: Duration,
    /// For the connection alone.
    pub connect_timeout: Duration,
    /// Certificate authorities (PEM) that alone are trusted; without it those of the machine.
    pub ca_file: Option<PathBuf>,
    /// The mapping file that makes the body of a delivery; without it the demand goes as it is.
    pub mapping_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    base_url: String,
    token: Secret,
    timeout_ms: Option<u64>,
    connect_timeout_ms: Option<u64>,
    ca_file: Option<PathBuf>,
    mapping: Option<MappingOptions>,
    #[serde(default)]
    allow_plaintext: bool,
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
    base_url: Option<String>,
    token: Option<Secret>,
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
        let base_url = check_url(&options.base_url, options.allow_plaintext)
            .map_err(|message| problem("base_url".into(), message))
            .ok();
        if let Err(message) = check_token(&options.token) {
            problem("token".into(), message);
        }
        let mut registries = BTreeMap::new();
        for (code, elsewhere) in options.registries {
            let key = format!("registries.{code}");
            let Ok(code) = code.parse::<RegistryCode>() else {
                problem(key, "a registry has six digits");
                continue;
            };
            if let Some(Err(message)) = elsewhere.token.as_ref().map(check_token) {
                problem(format!("{key}.token"), message);
            }
            let token = elsewhere.token.unwrap_or_else(|| options.token.clone());
            let base_url = match &elsewhere.base_url {
                Some(text) => check_url(text, options.allow_plaintext)
                    .map_err(|message| problem(format!("{key}.base_url"), message))
                    .ok(),
                None => base_url.clone(),
            };
            registries.extend(base_url.map(|base_url| (code, Endpoint { base_url, token })));
        }
        let mut millis = |key: &str, value: Option<u64>, default| {
            let value = value.unwrap_or(default);
            if !(1..=MAX_TIMEOUT_MS).contains(&value) {
                problem(key.into(), "between 1 and 600000 milliseconds");
            }
            Duration::from_millis(value)
        };
        let timeout = millis("timeout_ms", options.timeout_ms, DEFAULT_TIMEOUT_MS);
        let connect_timeout =
            millis("connect_timeout_ms", options.connect_timeout_ms, DEFAULT_CONNECT_TIMEOUT_MS);
        ConfigError::check(problems)?;
        let base_url = base_url.expect("a base_url that is missing is among the problems");
        let endpoint = Endpoint { base_url, token: options.token };
        let mapping_file = options.mapping.map(|mapping| mapping.file);
        Ok(Self { endpoint, registries, timeout, connect_timeout, ca_file: options.ca_file, mapping_file })
    }

    /// Where the system of this registry is.
    pub fn endpoint(&self, registry: &RegistryCode) -> &Endpoint {
        self.registries.get(registry).unwrap_or(&self.endpoint)
    }
}

fn check_url(text: &str, allow_plaintext: bool) -> Result<Url, &'static str> {
    let url: Url = text.parse().map_err(|_| "not an address; write `https://host:port/path`")?;
    let loopback = match url.host_str() {
        None => return Err("the address names no host"),
        Some(host) => {
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address holds no credentials; use `token`");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("an address ends before `?` and `#`");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback || allow_plaintext => Ok(url),
        "http" => {
            Err("demands hold personal data: use https, or set `allow_plaintext = true` on a closed line")
        }
        _ => Err("only https and http are spoken here"),
    }
}

fn check_token(token: &Secret) -> Result<(), &'static str> {
    let sendable = token.0.bytes().all(|byte| byte.is_ascii_graphic());
    if token.0.is_empty() || !sendable {
        Err("a token is of visible ASCII characters, without blanks")
    } else {
        Ok(())
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
            base_url = "https://registry.example/api/"
            token = "t0ken"
            timeout_ms = 1500
            [registries.320104]
            base_url = "http://127.0.0.1:8080"
            [registries.320105]
            token = "other"
            "#
            .parse()
            .unwrap(),
        )
        .unwrap();
        let at = |code: &str| config.endpoint(&code.parse().unwrap());
        assert_eq!(at("320102").base_url.as_str(), "https://registry.example/api/");
        assert_eq!(at("320104").base_url.as_str(), "http://127.0.0.1:8080/");
        assert_eq!(at("320104").token.expose(), "t0ken");
        assert_eq!(at("320105").token.expose(), "other");
        assert_eq!(config.timeout, Duration::from_millis(1500));
        assert!(!format!("{config:?}").contains("t0ken"));

        let wrong = r#"
            base_url = "http://registry.example"
            token = "with blank"
            timeout_ms = 0
            [registries.32]
            [registries.320104]
            base_url = "ftp://registry.example"
            token = ""
        "#;
        assert_eq!(
            keys(wrong),
            [
                "base_url",
                "token",
                "registries.32",
                "registries.320104.token",
                "registries.320104.base_url",
                "timeout_ms"
            ]
        );
    }

    #[test]
    fn addresses_are_strict() {
        for (text, good) in [
            ("https://h", true),
            ("http://localhost:1", true),
            ("http://[::1]:1", true),
            ("http://10.0.0.1", false),
            ("https://user:pw@h", false),
            ("https://h?x=1", false),
            ("h", false),
        ] {
            assert_eq!(check_url(text, false).is_ok(), good, "{text}");
        }
        assert!(check_url("http://10.0.0.1", true).is_ok());
    }

    #[test]
    fn a_mistake_never_prints_the_token() {
        let error = Config::parse("base_url = 'https://h'\ntoken = 44556677".parse().unwrap()).unwrap_err();
        assert!(!error.to_string().contains("44556677"), "{error}");
        assert_eq!(keys("base_url = 'https://h'\ntoken = 't'\nx = 1"), ["options"]);
    }
}
