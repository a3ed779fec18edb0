//! `hub doctor`: whether everything the hub stands on is sound. Reads only, except for one statement that must be refused.
//!
//! What cannot be checked is said to be so; it never counts as sound.

mod broker;
mod calendar;
mod courts;
mod database;
mod forms;
mod host;

use serde::Serialize;

use crate::config::Loaded;

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Status {
    /// Sound.
    #[serde(rename = "ok")]
    Ok,
    /// The hub works; somebody should look at it.
    #[serde(rename = "warn")]
    Warn,
    /// The hub cannot work, or not rightly.
    #[serde(rename = "fail")]
    Fail,
    /// Could not be checked here, or is not there in this version.
    #[serde(rename = "n/a")]
    NotApplicable,
}

impl Status {
    /// The word in lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
            Self::NotApplicable => "n/a",
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// What it came to.
    pub status: Status,
    /// What was found.
    pub detail: String,
    /// What to do; empty when nothing is to be done.
    pub advice: String,
}

impl Check {
    fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, status: Status::Ok, detail: detail.into(), advice: String::new() }
    }

    fn bad(name: &'static str, status: Status, detail: impl Into<String>, advice: &str) -> Self {
        Self { name, status, detail: detail.into(), advice: advice.to_owned() }
    }

    fn skipped(name: &'static str, why: impl Into<String>) -> Self {
        Self { name, status: Status::NotApplicable, detail: why.into(), advice: String::new() }
    }
}

/// Runs every check; one that fails does not keep the others from running.
pub async fn run(settings: &Loaded) -> Vec<Check> {
    let mut checks = vec![match settings.config() {
        Ok(_) => Check::ok("settings", "every key is known and sound"),
        Err(error) => Check::bad(
            "settings",
            Status::Fail,
            error.to_string(),
            "set these keys; `hub config show --default` explains each",
        ),
    }];
    checks.extend(host::keys(settings));
    checks.extend(database::checks(settings).await);
    checks.extend(broker::checks(settings).await);
    checks.extend(host::disks(settings));
    checks.push(calendar::check(settings));
    checks.extend(forms::checks(settings));
    checks
}
