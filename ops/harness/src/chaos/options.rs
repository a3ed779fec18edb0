//! What a run of chaos is asked to do.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, bail};

use super::faults::Kind;

/// A bug that test builds of the programs contain when they are told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// The connector acknowledges a message before the ledger has its receipt.
    AckBeforeReceipt,
    /// The hub takes every acknowledgement of the broker for a message in a queue, also when the message came back.
    TrustIsAck,
}

impl Plant {
    /// Both.
    pub const ALL: [Self; 2] = [Self::AckBeforeReceipt, Self::TrustIsAck];

    /// The word in `XIEZHI_PLANTED_BUG`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AckBeforeReceipt => "ack_before_receipt",
            Self::TrustIsAck => "trust_is_ack",
        }
    }
}

impl FromStr for Plant {
    type Err = anyhow::Error;
    fn from_str(word: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|plant| plant.as_str() == word) {
            Some(plant) => Ok(plant),
            None => {
                bail!("{word:?} is no bug that can be planted; there are ack_before_receipt and trust_is_ack")
            }
        }
    }
}

/// How a run goes.
#[derive(Debug, Clone)]
pub struct Options {
    /// Demands to submit; some name several units.
    pub demands: u64,
    /// Decides schedule and demands.
    pub seed: u64,
    /// How long demands are submitted and faults injected.
    pub length: Duration,
    /// Kinds of faults.
    pub kinds: BTreeSet<Kind>,
    /// How often each kind strikes; by the length when `None`.
    pub strikes: Option<usize>,
    /// Provinces; each has a connector and a county system.
    pub provinces: Vec<String>,
    /// Registries of each province.
    pub registries_each: usize,
    /// Bug to plant.
    pub plant: Option<Plant>,
    /// Directory of the programs; that of the current one when `None`.
    pub programs: Option<PathBuf>,
    /// Whether progress is shown on standard error.
    pub progress: bool,
}

impl Options {
    /// A run of so many demands with every kind of fault.
    #[must_use]
    pub fn new(demands: u64, seed: u64) -> Self {
        Self {
            demands,
            seed,
            length: Self::usual_length(demands),
            kinds: Kind::ALL.into_iter().collect(),
            strikes: None,
            provinces: ["11", "31", "32", "33"].map(str::to_owned).to_vec(),
            registries_each: 6,
            plant: None,
            programs: None,
            progress: false,
        }
    }

    /// Long enough that unoptimised programs on two cores keep up between the faults.
    #[must_use]
    pub fn usual_length(demands: u64) -> Duration {
        Duration::from_millis((demands * 25).clamp(20_000, 1_800_000))
    }
}
