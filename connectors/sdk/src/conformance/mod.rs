//! The conformance suite: the contract of an adapter (`connectors/CONTRACT.md`) as rules with stable ids, run against any adapter
//! and the local system behind it.
//!
//! It delivers demands that nobody sent, so it belongs to test systems only. With a [`Bench`] it also makes the local system ill and
//! reads its book; without one, rules that need this are not checked, which the report says.

mod bench;
mod checks;
mod county;
mod digest;
mod report;
mod rules;
mod run;
mod specimen;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use uuid::Uuid;
use xiezhi_schemas::{address::RegistryCode, message::Digest};

pub use self::{
    bench::{Bench, BenchError, Condition, Entry, Event},
    county::CountyBench,
    digest::options_digest,
    report::{Report, RuleReport, Subject, Verdict},
    rules::Rule,
};
use self::{
    checks::voids::VOID,
    run::{Miss, Run},
};
use crate::{adapter::Adapter, config_error::ConfigError};

/// Makes the adapter, each time as a connector that is started anew would.
pub type Build<'a> = dyn Fn() -> Result<Arc<dyn Adapter>, ConfigError> + Send + Sync + 'a;

/// What is looked at, and with what patience.
pub struct Suite<'a> {
    /// Makes the adapter.
    pub build: &'a Build<'a>,
    /// Control over the local system, if there is any.
    pub bench: Option<&'a dyn Bench>,
    /// The registry whose local system is used.
    pub registry: RegistryCode,
    /// Longest time for one call of the adapter, as `pace.deliver_timeout_secs`.
    pub call_timeout: Duration,
    /// How long the registry may take to decide a demand and to offer the outcome.
    pub decision_wait: Duration,
    /// Digest of the adapter's options, from [`options_digest`].
    pub options_sha256: Digest,
}

impl std::fmt::Debug for Suite<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Suite").field("registry", &self.registry).finish_non_exhaustive()
    }
}

impl Suite<'_> {
    /// Looks at every rule, voids what it delivered, and reports.
    ///
    /// # Errors
    /// When the adapter cannot be made from its options; nothing was delivered then.
    pub async fn run(&self) -> Result<Report, ConfigError> {
        let adapter = (self.build)()?;
        let begun_at = Timestamp::now();
        let run = Run {
            adapter: Arc::clone(&adapter),
            build: self.build,
            bench: self.bench,
            registry: self.registry.clone(),
            call_timeout: self.call_timeout,
            decision_wait: self.decision_wait,
            texts: Mutex::default(),
            delivered: Mutex::default(),
        };
        let mut rules: Vec<RuleReport> = Vec::with_capacity(Rule::ALL.len());
        for rule in Rule::ALL {
            let verdict = verdict(&run, *rule, &rules).await;
            rules.push(RuleReport::new(*rule, verdict));
        }
        let left_behind = clean_up(&run).await;
        let is = |wanted: fn(&Verdict) -> bool| rules.iter().any(|rule| wanted(&rule.verdict));
        Ok(Report {
            schema: "xiezhi.conformance.v1",
            passed: !is(|verdict| matches!(verdict, Verdict::Failed { .. })),
            complete: !is(|verdict| matches!(verdict, Verdict::NotChecked { .. })),
            subject: Subject {
                adapter: adapter.name().to_owned(),
                connector_version: env!("CARGO_PKG_VERSION").to_owned(),
                options_sha256: self.options_sha256.clone(),
                mapping: adapter.mapping(),
                registry: self.registry.clone(),
            },
            bench: self.bench.map(Bench::name),
            begun_at,
            ended_at: Timestamp::now(),
            rules,
            left_behind,
        })
    }
}

/// Looks at one rule, unless one on which it rests is broken.
async fn verdict(run: &Run<'_>, rule: Rule, before: &[RuleReport]) -> Verdict {
    let broken = before
        .iter()
        .find(|earlier| rule.rests_on(earlier.rule) && matches!(earlier.verdict, Verdict::Failed { .. }));
    if let Some(broken) = broken {
        return Verdict::NotChecked { why: format!("says nothing while {} is broken", broken.rule) };
    }
    match Box::pin(checks::check(run, rule)).await {
        Ok(seen) => Verdict::Passed { seen },
        Err(Miss::Failed { seen, change }) => Verdict::Failed { seen, change },
        Err(Miss::NotChecked(why)) => Verdict::NotChecked { why },
    }
}

/// Voids everything that was delivered: there never is a receipt. Gives what could not be voided.
async fn clean_up(run: &Run<'_>) -> Vec<Uuid> {
    let delivered = run.delivered.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut left = Vec::new();
    for id in BTreeSet::from_iter(delivered) {
        if run.call("void", run.adapter.void(&run.registry, id, VOID)).await.is_err() {
            left.push(id);
        }
    }
    left
}
