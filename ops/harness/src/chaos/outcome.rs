//! What a run of chaos found.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::faults::Injection;
use super::injector::Injected;
use crate::invariants::{Finding, Report};

/// The result of one run.
#[derive(Debug, Clone, Serialize)]
pub struct RunOutcome {
    /// The seed.
    pub seed: u64,
    /// Versions of the hub and the servers.
    pub versions: BTreeMap<String, String>,
    /// The bug that was planted.
    pub planted: Option<&'static str>,
    /// Demands accepted.
    pub accepted: u64,
    /// Submissions tried, repeats included.
    pub attempts: u64,
    /// Requests stored, by state.
    pub states: BTreeMap<String, i64>,
    /// Dead letters that the operator replayed at the end.
    pub replayed: u64,
    /// The plan.
    pub plan: Vec<Injection>,
    /// What was injected.
    pub injected: Vec<Injected>,
    /// Seconds from the last repair until nothing was in flight; none when that did not happen.
    pub settled_after_secs: Option<f64>,
    /// Snapshots that were checked while the run went on.
    pub snapshots: u64,
    /// What was violated in them.
    pub violated_meanwhile: Vec<Finding>,
    /// Whatever else went wrong.
    pub problems: Vec<String>,
    /// The final checks.
    pub report: Report,
}

impl RunOutcome {
    /// Faults that were planned and did not fire.
    pub fn not_fired(&self) -> impl Iterator<Item = &Injected> {
        self.injected.iter().filter(|injected| !injected.fired)
    }

    /// Whether everything was injected, checked and found true.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.report.is_clean()
            && self.violated_meanwhile.is_empty()
            && self.problems.is_empty()
            && self.not_fired().next().is_none()
            && self.injected.len() == self.plan.len()
    }

    /// Numbers of the invariants that were violated, during the run or after it.
    #[must_use]
    pub fn violated(&self) -> std::collections::BTreeSet<&'static str> {
        let mut all = self.report.violated();
        all.extend(self.violated_meanwhile.iter().map(|finding| finding.id));
        all
    }
}

impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let versions: Vec<String> =
            self.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        writeln!(f, "seed {}; {}", self.seed, versions.join(", "))?;
        if let Some(bug) = self.planted {
            writeln!(f, "planted bug: {bug}")?;
        }
        writeln!(f, "injected:")?;
        for one in &self.injected {
            let fired = if one.fired { "fired" } else { "DID NOT FIRE" };
            let (at, repair) = (one.at_ms as f64 / 1e3, one.repaired_after_ms as f64 / 1e3);
            writeln!(f, "  {at:7.1} s  {:32} {fired}, repaired after {repair:.1} s", one.fault)?;
        }
        let states: Vec<String> =
            self.states.iter().map(|(state, count)| format!("{count} {state}")).collect();
        writeln!(
            f,
            "{} demands accepted in {} attempts; requests: {}; {} replayed",
            self.accepted,
            self.attempts,
            states.join(", "),
            self.replayed
        )?;
        match self.settled_after_secs {
            Some(seconds) => writeln!(f, "at rest {seconds:.1} s after the last repair")?,
            None => writeln!(f, "did not come to rest")?,
        }
        writeln!(
            f,
            "{} snapshots checked while it ran, {} violations in them",
            self.snapshots,
            self.violated_meanwhile.len()
        )?;
        for finding in &self.violated_meanwhile {
            writeln!(f, "  {} {:?}", finding.id, finding.verdict)?;
        }
        self.problems.iter().try_for_each(|problem| writeln!(f, "problem: {problem}"))?;
        writeln!(f, "invariants:")?;
        write!(f, "{}", self.report)?;
        writeln!(f, "{}", if self.passed() { "PASSED" } else { "FAILED" })
    }
}
