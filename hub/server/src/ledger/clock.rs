//! When the hub may trust a clock. A receipt on a wrong clock is a wrong rank, so doubt means refusal.
//!
//! The stamp comes from the database's clock. Before each transaction's stamps it is held against three witnesses: the
//! hub's own wall clock, the hub's monotonic clock (which no administrator can set), and the last stamp of the ledger.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// Why nothing is stamped.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum ClockError {
    /// Hub and database disagree.
    #[error(
        "[HUB-3001] the clocks of database and hub are {apart_ms} ms apart (bound {bound_ms} ms); no receipt is \
         stamped until they agree; check time synchronisation on both hosts with `hub doctor`"
    )]
    Apart {
        /// Difference.
        apart_ms: i64,
        /// Bound.
        bound_ms: i64,
    },
    /// The database's clock moved against the monotonic clock.
    #[error(
        "[HUB-3001] the database's clock jumped by {jump_ms} ms (bound {bound_ms} ms); no receipt is stamped until it is \
         back, or until the hub is restarted by somebody who checked the clock"
    )]
    Jumped {
        /// Jump.
        jump_ms: i64,
        /// Bound.
        bound_ms: i64,
    },
    /// The ledger is ahead of the clock.
    #[error(
        "[HUB-3002] the database's clock is {behind_ms} ms behind the last receipt of registry {registry}; no receipt is \
         stamped until it has caught up"
    )]
    Behind {
        /// Registry.
        registry: String,
        /// How far.
        behind_ms: i64,
    },
}

impl ClockError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Apart { .. } | Self::Jumped { .. } => "HUB-3001",
            Self::Behind { .. } => "HUB-3002",
        }
    }
}

/// One look at all clocks at once.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// The database's clock.
    pub database: Timestamp,
    /// The hub's wall clock.
    pub hub: Timestamp,
    /// The hub's monotonic clock.
    pub monotonic: Instant,
    /// How long the look took; the readings may be apart by so much without anybody being wrong.
    pub took: Duration,
}

/// Slewing, as time synchronisation does it, stays below this share of the bound within [`ANCHOR_AGE`]; a larger move is a
/// step and is not followed.
const FOLLOW_SHARE: i32 = 10;

/// How often the anchor follows a clock that is being slewed.
const ANCHOR_AGE: Duration = Duration::from_secs(60);

/// Judges readings against the ones before.
#[derive(Debug)]
pub struct ClockGuard {
    bound: SignedDuration,
    anchor: Option<Reading>,
}

impl ClockGuard {
    /// Trusts nothing that is further off than `bound`.
    pub fn new(bound: Duration) -> Self {
        Self { bound: SignedDuration::try_from(bound).unwrap_or(SignedDuration::MAX), anchor: None }
    }

    /// The error to be recorded with the stamps, in microseconds, if the clock may be trusted.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check(&mut self, now: Reading) -> Result<i64, ClockError> {
        let bound_ms = millis(self.bound);
        let took = SignedDuration::try_from(now.took).unwrap_or(SignedDuration::MAX);
        let apart = now.database.duration_since(now.hub);
        if apart.abs() > self.bound + took {
            return Err(ClockError::Apart { apart_ms: millis(apart), bound_ms });
        }
        let anchor = *self.anchor.get_or_insert(now);
        let passed = now.monotonic.duration_since(anchor.monotonic);
        let expected = anchor.database + passed;
        let jump = now.database.duration_since(expected);
        if jump.abs() > self.bound + took {
            return Err(ClockError::Jumped { jump_ms: millis(jump), bound_ms });
        }
        if passed > ANCHOR_AGE && jump.abs() < self.bound / FOLLOW_SHARE {
            self.anchor = Some(now);
        }
        let err = apart.abs().max(jump.abs()) + took;
        Ok(i64::try_from(err.as_micros()).unwrap_or(i64::MAX))
    }

    /// Whether the clock has reached the last stamp of a registry, give or take the bound.
    ///
    /// # Errors
    /// When it has not.
    pub fn not_behind(
        &self,
        registry: &str,
        last: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), ClockError> {
        let behind = last.map_or(SignedDuration::ZERO, |last| last.duration_since(now));
        if behind > self.bound {
            return Err(ClockError::Behind { registry: registry.to_owned(), behind_ms: millis(behind) });
        }
        Ok(())
    }
}

fn millis(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Readings after `passed` seconds of true time, with both wall clocks off by so many milliseconds.
    fn reading(start: Instant, passed: u64, database_off: i64, hub_off: i64) -> Reading {
        let truth = "2024-03-04T01:30:00Z".parse::<Timestamp>().unwrap() + Duration::from_secs(passed);
        Reading {
            database: truth + SignedDuration::from_millis(database_off),
            hub: truth + SignedDuration::from_millis(hub_off),
            monotonic: start + Duration::from_secs(passed),
            took: Duration::ZERO,
        }
    }

    #[test]
    fn a_step_is_refused_whichever_clock_makes_it() {
        let start = Instant::now();
        for step in [-86_400_000, -300_000, -1_001, 1_001, 7_200_000] {
            let mut guard = ClockGuard::new(Duration::from_secs(1));
            assert_eq!(guard.check(reading(start, 0, 0, 0)), Ok(0));
            assert!(matches!(guard.check(reading(start, 1, step, 0)), Err(ClockError::Apart { .. })));
            assert!(matches!(guard.check(reading(start, 2, 0, step)), Err(ClockError::Apart { .. })));
            // Both clocks on one host step together: only the monotonic clock tells.
            assert!(matches!(guard.check(reading(start, 3, step, step)), Err(ClockError::Jumped { .. })));
            assert_eq!(guard.check(reading(start, 4, 0, 0)), Ok(0), "trusted again once it is back");
        }
    }

    #[test]
    fn a_step_within_the_bound_is_recorded_as_error() {
        let start = Instant::now();
        let mut guard = ClockGuard::new(Duration::from_secs(1));
        guard.check(reading(start, 0, 0, 0)).unwrap();
        assert_eq!(guard.check(reading(start, 1, -200, 0)), Ok(200_000));
    }

    #[test]
    fn slewing_is_followed_and_creeping_is_not() {
        let start = Instant::now();
        let mut guard = ClockGuard::new(Duration::from_secs(1));
        // 50 ms a minute on both clocks, for an hour: far beyond the bound in all, never beyond it between anchors.
        for minute in 0..60_u32 {
            let off = i64::from(minute) * 50;
            guard.check(reading(start, u64::from(minute) * 61, off, off)).unwrap();
        }
        // 600 ms a minute is no slewing: the anchor stays, and the second minute is refused.
        let mut guard = ClockGuard::new(Duration::from_secs(1));
        guard.check(reading(start, 0, 0, 0)).unwrap();
        guard.check(reading(start, 61, 600, 600)).unwrap();
        assert!(guard.check(reading(start, 122, 1_200, 1_200)).is_err());
    }

    #[test]
    fn the_ledger_is_never_ahead_of_the_clock() {
        let guard = ClockGuard::new(Duration::from_secs(1));
        let now: Timestamp = "2024-03-04T01:30:00Z".parse().unwrap();
        assert_eq!(guard.not_behind("320102", None, now), Ok(()));
        assert_eq!(guard.not_behind("320102", Some(now + SignedDuration::from_millis(900)), now), Ok(()));
        assert!(guard.not_behind("320102", Some(now + SignedDuration::from_millis(1_100)), now).is_err());
    }
}
