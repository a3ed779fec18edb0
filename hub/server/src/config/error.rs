//! What can be wrong with the settings. All problems come at once: nobody likes to start a program seven times.

use std::fmt;

use super::Source;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `HUB-1010` …
    pub code: &'static str,
    /// The key, `database.url`, or the name of the environment variable when it names no key.
    pub key: String,
    /// Where the value came from.
    pub source: Source,
    /// What was expected instead. Never repeats the value, which may be a secret.
    pub expected: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {} ({}): {}", self.code, self.key, self.source, self.expected)
    }
}

/// The settings cannot be used; the hub did not start and no port was opened.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("[HUB-1010] the configuration file {path} cannot be read")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("[HUB-1011] the configuration file {path} is not valid TOML, line {line}: {detail}")]
    Syntax {
        /// The file.
        path: String,
        /// Line, from 1.
        line: usize,
        /// What the parser says; never quotes the line, which may hold a secret.
        detail: String,
    },
    /// Keys or values are wrong.
    #[error("{}; `hub config show --default` prints every key with its meaning", list(.0))]
    Problems(Vec<Problem>),
}

impl ConfigError {
    /// Stable code; of several problems the first one's.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "HUB-1010",
            Self::Syntax { .. } => "HUB-1011",
            Self::Problems(problems) => problems.first().map_or("HUB-1014", |problem| problem.code),
        }
    }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}
