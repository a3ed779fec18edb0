//! The faults and their schedule. The same seed, kinds and length give the same schedule.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, bail};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::Serialize;

/// Kinds of faults, as they are chosen on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `kill -9` of the hub.
    Hub,
    /// `kill -9` of a connector.
    Connector,
    /// `kill -9` of the broker.
    Broker,
    /// `kill -9` of the database server.
    Database,
    /// `kill -9` of a county system.
    County,
    /// A connector stands still until the broker has given it up, then goes on.
    Freeze,
    /// The bindings at the court's tier vanish, those of its alternate exchange too: the broker hands demands back.
    Routes,
    /// The way from the court's tier to the ministry's vanishes: demands become undelivered.
    Strand,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Hub,
        Self::Connector,
        Self::Broker,
        Self::Database,
        Self::County,
        Self::Freeze,
        Self::Routes,
        Self::Strand,
    ];

    /// The word on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Connector => "connector",
            Self::Broker => "broker",
            Self::Database => "database",
            Self::County => "county",
            Self::Freeze => "freeze",
            Self::Routes => "routes",
            Self::Strand => "strand",
        }
    }

    /// Time between two strikes of this kind, on average. Servers need longer to come back than programs.
    const fn period(self) -> Duration {
        Duration::from_secs(match self {
            Self::Hub | Self::Connector => 12,
            Self::County | Self::Routes | Self::Strand => 20,
            Self::Database => 25,
            Self::Broker | Self::Freeze => 40,
        })
    }

    /// How long the fault lasts, in milliseconds; a killed server needs more to come back by itself.
    const fn lasts(self) -> (u64, u64) {
        match self {
            Self::Hub | Self::Connector | Self::County => (0, 1_500),
            Self::Broker | Self::Database => (0, 1_000),
            // Beyond two heartbeats of the connector's link, which are 20 s.
            Self::Freeze => (23_000, 26_000),
            Self::Routes | Self::Strand => (1_000, 3_000),
        }
    }

    /// Faults of one group wait for each other, groups do not: the broker and its routes cannot fail at once, as the
    /// routes are cut by asking the broker.
    pub(super) const fn group(self) -> usize {
        match self {
            Self::Broker | Self::Routes | Self::Strand => 0,
            Self::Database => 1,
            Self::Hub => 2,
            Self::Connector | Self::County => 3,
            Self::Freeze => 4,
        }
    }

    pub(super) const GROUPS: usize = 5;
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = anyhow::Error;
    fn from_str(word: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|kind| kind.as_str() == word) {
            Some(kind) => Ok(kind),
            None => bail!("{word:?} is no fault; there are {}", Self::ALL.map(Self::as_str).join(", ")),
        }
    }
}

/// One fault and whom it strikes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Kind.
    pub kind: Kind,
    /// The province whose program is struck; empty where there is only one.
    pub province: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Hub | Kind::Broker | Kind::Database => write!(f, "kill -9 {}", self.kind),
            Kind::Connector | Kind::County => write!(f, "kill -9 {}-{}", self.kind, self.province),
            Kind::Freeze => write!(f, "freeze connector-{}", self.province),
            Kind::Routes => f.write_str("unbind all routes of the court"),
            Kind::Strand => f.write_str("unbind the ministry from the court"),
        }
    }
}

/// A planned fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Injection {
    /// Time since the beginning; later when the fault before it in its group lasted longer.
    pub at_ms: u64,
    /// How long until the repair begins.
    pub lasts_ms: u64,
    /// The fault.
    pub fault: Fault,
}

/// The plan of a run, in order of time.
#[must_use]
pub fn schedule(
    seed: u64,
    kinds: &BTreeSet<Kind>,
    provinces: &[String],
    length: Duration,
    strikes: Option<usize>,
) -> Vec<Injection> {
    let mut random = StdRng::seed_from_u64(seed);
    let millis = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let mut plan = Vec::new();
    // A frozen connector must not be killed meanwhile, or it would not have been frozen: the kinds share out the provinces.
    let frozen = random.random_range(0..provinces.len());
    let killable: Vec<&String> = provinces
        .iter()
        .enumerate()
        .filter(|(place, _)| !kinds.contains(&Kind::Freeze) || *place != frozen || provinces.len() == 1)
        .map(|(_, province)| province)
        .collect();
    for kind in kinds {
        let usual = usize::try_from(length.as_secs() / kind.period().as_secs()).unwrap_or(usize::MAX);
        let count = strikes.unwrap_or_else(|| usual.max(1));
        for strike in 0..count as u64 {
            // Each strike somewhere in its own part of the time, so that a kind neither clusters nor stays away.
            let part = millis / count as u64;
            let at_ms = strike * part + random.random_range(part / 10..=part * 9 / 10);
            let (least, most) = kind.lasts();
            let province = match kind {
                Kind::Connector => killable[random.random_range(0..killable.len())].clone(),
                Kind::County => provinces[random.random_range(0..provinces.len())].clone(),
                Kind::Freeze => provinces[frozen].clone(),
                _ => String::new(),
            };
            let fault = Fault { kind: *kind, province };
            plan.push(Injection { at_ms, lasts_ms: random.random_range(least..=most), fault });
        }
    }
    plan.sort_by_key(|injection| injection.at_ms);
    plan
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn plan(seed: u64) -> Vec<Injection> {
        let provinces = ["11", "32"].map(str::to_owned);
        schedule(seed, &Kind::ALL.into_iter().collect(), &provinces, Duration::from_secs(120), None)
    }

    #[test]
    fn a_seed_is_a_schedule() {
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
    }

    #[test]
    fn every_kind_strikes_within_the_time() {
        for seed in 0..50 {
            let plan = plan(seed);
            assert!(Kind::ALL.iter().all(|kind| plan.iter().any(|i| i.fault.kind == *kind)));
            assert!(plan.iter().all(|i| i.at_ms < 120_000));
            assert!(plan.is_sorted_by_key(|i| i.at_ms));
            let struck = |kind| plan.iter().filter(move |i| i.fault.kind == kind).map(|i| &i.fault.province);
            assert!(
                struck(Kind::Freeze).all(|frozen| struck(Kind::Connector).all(|killed| killed != frozen))
            );
        }
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse::<Kind>().unwrap(), kind);
        }
        assert!("moon".parse::<Kind>().is_err());
    }
}
