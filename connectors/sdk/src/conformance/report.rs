//! The certificate: what was looked at, with what result, as JSON for machines and as Markdown for people.

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{Digest, MappingVersion},
};

use super::rules::Rule;

/// What one run of the suite found. Holds no secret and no personal data.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Always `xiezhi.conformance.v1`.
    pub schema: &'static str,
    /// Whether no rule failed.
    pub passed: bool,
    /// Whether every rule was looked at.
    pub complete: bool,
    /// What was looked at.
    pub subject: Subject,
    /// What controlled the local system; none when nothing did.
    pub bench: Option<String>,
    /// When the run began, UTC.
    pub begun_at: Timestamp,
    /// When it ended, UTC.
    pub ended_at: Timestamp,
    /// Every rule, in order.
    pub rules: Vec<RuleReport>,
    /// Requests that the run delivered and could not void afterwards; somebody should remove them from the test system.
    pub left_behind: Vec<Uuid>,
}

/// What was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Subject {
    /// Name of the adapter.
    pub adapter: String,
    /// Version of the connector.
    pub connector_version: String,
    /// Digest of the adapter's options, without the secrets in them: see [`super::options_digest`].
    pub options_sha256: Digest,
    /// The mapping in force; none when demands go as they are.
    pub mapping: Option<MappingVersion>,
    /// The registry whose local system was used.
    pub registry: RegistryCode,
}

/// One rule and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct RuleReport {
    /// The rule.
    #[serde(rename = "id")]
    pub rule: Rule,
    /// What must hold.
    pub title: &'static str,
    /// Why.
    pub reason: &'static str,
    /// What the suite did.
    pub how: &'static str,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What became of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    Passed {
        /// What was seen.
        seen: String,
    },
    /// It is broken.
    Failed {
        /// What was seen.
        seen: String,
        /// What must be changed.
        change: String,
    },
    /// It was not looked at, which says nothing for or against the adapter.
    NotChecked {
        /// Why.
        why: String,
    },
}

impl RuleReport {
    pub(super) fn new(rule: Rule, verdict: Verdict) -> Self {
        Self { rule, title: rule.title(), reason: rule.reason(), how: rule.how(), verdict }
    }
}

impl Report {
    /// The rules that failed.
    pub fn failed(&self) -> impl Iterator<Item = &RuleReport> {
        self.rules.iter().filter(|rule| matches!(rule.verdict, Verdict::Failed { .. }))
    }

    fn counts(&self) -> (usize, usize, usize) {
        let count = |wanted: fn(&Verdict) -> bool| self.rules.iter().filter(|r| wanted(&r.verdict)).count();
        (
            count(|verdict| matches!(verdict, Verdict::Passed { .. })),
            count(|verdict| matches!(verdict, Verdict::Failed { .. })),
            count(|verdict| matches!(verdict, Verdict::NotChecked { .. })),
        )
    }

    /// One line: what came out.
    pub fn summary(&self) -> String {
        let (passed, failed, unchecked) = self.counts();
        let word = match (self.passed, self.complete) {
            (false, _) => "FAILED",
            (true, true) => "PASSED",
            (true, false) => "PASSED as far as it was checked",
        };
        format!("{word}: {passed} rules passed, {failed} failed, {unchecked} not checked")
    }

    /// The report for people to file and sign.
    pub fn markdown(&self) -> String {
        let Subject { adapter, connector_version, options_sha256, mapping, registry } = &self.subject;
        let mapping =
            mapping.as_ref().map_or_else(|| "none".to_owned(), |m| format!("{m}, SHA-256 {}", m.sha256));
        let bench = self
            .bench
            .as_deref()
            .unwrap_or("none; rules that need control of the local system are not checked");
        let mut text = format!(
            "# Conformance of adapter `{adapter}`, registry {registry}\n\n**{}**\n\n\
             | | |\n|---|---|\n| connector | {connector_version} |\n| options, SHA-256 without secrets | `{options_sha256}` |\n\
             | mapping | {} |\n| bench | {} |\n| begun, ended (UTC) | {}, {} |\n\n\
             | Rule | Result | What was seen |\n|---|---|---|\n",
            self.summary(),
            cell(&mapping),
            cell(bench),
            self.begun_at,
            self.ended_at,
        );
        for RuleReport { rule, title, verdict, .. } in &self.rules {
            let (word, seen) = match verdict {
                Verdict::Passed { seen } => ("passed", cell(seen)),
                Verdict::Failed { seen, change } => {
                    ("**failed**", format!("{} **Change:** {}", cell(seen), cell(change)))
                }
                Verdict::NotChecked { why } => ("not checked", cell(why)),
            };
            // Writing to a String does not fail.
            writeln!(text, "| {rule} {title} | {word} | {seen} |").ok();
        }
        if !self.left_behind.is_empty() {
            let ids: Vec<String> = self.left_behind.iter().map(Uuid::to_string).collect();
            writeln!(text, "\nLeft in the test system, to be removed by hand: {}", ids.join(", ")).ok();
        }
        text
    }
}

/// A text within a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

/// The readable table for a terminal.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for RuleReport { rule, title, verdict, .. } in &self.rules {
            match verdict {
                Verdict::Passed { .. } => writeln!(f, "PASS {rule} {title}")?,
                Verdict::Failed { seen, change } => {
                    writeln!(f, "FAIL {rule} {title}\n     seen: {seen}\n     change: {change}")?;
                }
                Verdict::NotChecked { why } => writeln!(f, "---- {rule} {title}\n     not checked: {why}")?,
            }
        }
        write!(f, "{}", self.summary())
    }
}
