//! The outcome of the checks, as a table for people and as JSON for machines.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

/// Violating rows shown for one check.
pub const SHOWN: usize = 5;

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It is true.
    Holds,
    /// It is not.
    Violated {
        /// How often.
        count: u64,
        /// The first of them.
        first: Vec<String>,
    },
    /// Nobody brought the evidence it needs.
    NotChecked {
        /// What is missing.
        missing: String,
    },
}

/// One check and what it found.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// Published number, such as `V07`.
    pub id: &'static str,
    /// What must be true.
    pub statement: &'static str,
    /// The SQL, or the source file of the code, that checked it.
    pub by: &'static str,
    /// What was found.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl Finding {
    /// The finding from all violations, in order.
    #[must_use]
    pub fn of(id: &'static str, statement: &'static str, by: &'static str, violations: Vec<String>) -> Self {
        let verdict = if violations.is_empty() {
            Verdict::Holds
        } else {
            let count = violations.len() as u64;
            Verdict::Violated { count, first: violations.into_iter().take(SHOWN).collect() }
        };
        Self { id, statement, by, verdict }
    }

    /// The finding of a check that was not made.
    #[must_use]
    pub fn not_checked(id: &'static str, statement: &'static str, by: &'static str, missing: &str) -> Self {
        Self { id, statement, by, verdict: Verdict::NotChecked { missing: missing.to_owned() } }
    }

    /// Whether it was found untrue.
    #[must_use]
    pub const fn is_violated(&self) -> bool {
        matches!(self.verdict, Verdict::Violated { .. })
    }
}

/// All findings, in the order of their numbers.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// One for each check; an invariant may have several checks.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| finding.id);
        Self { findings }
    }

    /// What was found untrue.
    pub fn violations(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_violated())
    }

    /// What was not checked.
    pub fn not_checked(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| matches!(finding.verdict, Verdict::NotChecked { .. }))
    }

    /// Numbers of the violated invariants.
    #[must_use]
    pub fn violated(&self) -> BTreeSet<&'static str> {
        self.violations().map(|finding| finding.id).collect()
    }

    /// Whether every check was made and found nothing.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.verdict == Verdict::Holds)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            let Finding { id, statement, .. } = finding;
            match &finding.verdict {
                Verdict::Holds => writeln!(f, "  {id}  holds        {statement}")?,
                Verdict::NotChecked { missing } => {
                    writeln!(f, "  {id}  NOT CHECKED  {statement}\n       missing: {missing}")?;
                }
                Verdict::Violated { count, first } => {
                    writeln!(f, "  {id}  VIOLATED     {statement}\n       {count} times:")?;
                    first.iter().try_for_each(|row| writeln!(f, "       - {row}"))?;
                }
            }
        }
        Ok(())
    }
}
