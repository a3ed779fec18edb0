//! The one clock of the ledger: the database's, read only while the guard trusts it. All channels share one guard, so that
//! a step that one of them noticed stops all of them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use xiezhi_schemas::address::RegistryCode;

use super::clock::{ClockError, ClockGuard, Reading};
use crate::store::{StoreError, Transaction, ledger::Head, requests};

/// The database's clock with its guard.
#[derive(Debug)]
pub struct TrustedClock(Mutex<ClockGuard>);

/// A reading that may be stamped with.
#[derive(Debug, Clone, Copy)]
pub struct Trusted {
    /// The database's clock.
    pub now: Timestamp,
    /// How far it may be off, in microseconds.
    pub error_us: i64,
}

impl TrustedClock {
    /// Trusts clocks within `bound`.
    pub fn new(bound: Duration) -> Self {
        Self(Mutex::new(ClockGuard::new(bound)))
    }

    /// The database's clock at this moment, if it may be trusted for these registries, whose heads are locked.
    ///
    /// # Errors
    /// When the database fails; inside, why the clock is not trusted.
    pub async fn now<'a>(
        &self,
        tx: &Transaction<'_>,
        registries: impl Iterator<Item = &'a RegistryCode> + Send,
        heads: &BTreeMap<RegistryCode, Head>,
    ) -> Result<Result<Trusted, ClockError>, StoreError> {
        let (database, took) = requests::timed_clock(tx).await?;
        let reading = Reading { database, hub: Timestamp::now(), monotonic: Instant::now(), took };
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(guard.check(reading).and_then(|error_us| {
            for registry in registries {
                guard.not_behind(registry.as_str(), heads[registry].last_recorded_at, database)?;
            }
            Ok(Trusted { now: database, error_us })
        }))
    }
}
