//! Everything that is wrong with a configuration, at once: an operator should not have to start the connector five times to
//! learn of five mistakes.

use std::fmt;

use crate::code::Code;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The key, with its table: `broker.url`.
    pub key: String,
    /// What is wrong and what to write instead; never the value of a secret.
    pub message: String,
}

/// The configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// All mistakes found.
    pub problems: Vec<ConfigProblem>,
}

impl ConfigError {
    /// One mistake.
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { problems: vec![ConfigProblem { key: key.into(), message: message.into() }] }
    }

    /// Several mistakes, or nothing.
    ///
    /// # Errors
    /// When there is at least one problem.
    pub fn check(problems: Vec<ConfigProblem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self { problems }) }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] the configuration cannot be used:", Code::Config)?;
        for problem in &self.problems {
            write!(f, "\n  {}: {}", problem.key, problem.message)?;
        }
        write!(f, "\ncompare `connector example-config`")
    }
}

impl std::error::Error for ConfigError {}
