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
    /// The look took so long that the clock could be off by more than the bound without anybody seeing it.
    #[error(
        "[HUB-3001] the database's clock cannot be read closely enough: the looks took {took_ms} ms and leave room for an \
         error beyond {bound_ms} ms; no receipt is stamped until the database answers faster"
    )]
    Vague {
        /// How long the look took, with the one that it is compared with.
        took_ms: i64,
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
            Self::Apart { .. } | Self::Jumped { .. } | Self::Vague { .. } => "HUB-3001",
            Self::Behind { .. } => "HUB-3002",
        }
    }
}

/// One look at all clocks at once. The hub's own are read at its end, the database's at some moment within it.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// The database's clock.
    pub database: Timestamp,
    /// The hub's wall clock.
    pub hub: Timestamp,
    /// The hub's monotonic clock.
    pub monotonic: Instant,
    /// How long the look took: nobody knows better than that when the database read its clock.
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
        Self { bound: signed(bound), anchor: None }
    }

    /// The error to be recorded with the stamps, in microseconds, if the clock may be trusted. It holds what the clocks are
    /// seen to be apart and what the length of the look may hide, and is never beyond the bound.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check(&mut self, now: Reading) -> Result<i64, ClockError> {
        let bound_ms = millis(self.bound);
        let took = signed(now.took);
        // The database read its clock at a moment of the look that nobody knows: at its end, or as early as at its begin.
        let apart = Span { least: now.database.duration_since(now.hub), width: took };
        if apart.surely() > self.bound {
            return Err(ClockError::Apart { apart_ms: millis(apart.nearest()), bound_ms });
        }
        let vague = |hidden| ClockError::Vague { took_ms: millis(hidden), bound_ms };
        // Also the first look must be close: all that follow are held against it.
        let err = apart.at_most();
        if err > self.bound {
            return Err(vague(took));
        }
        let Some(anchor) = self.anchor else {
            self.anchor = Some(now);
            return Ok(micros(err));
        };
        let anchor_took = signed(anchor.took);
        let passed = now.monotonic.duration_since(anchor.monotonic);
        let moved = now.database.duration_since(anchor.database + passed);
        let jump = Span { least: moved.saturating_sub(anchor_took), width: took.saturating_add(anchor_took) };
        if jump.surely() > self.bound {
            return Err(ClockError::Jumped { jump_ms: millis(jump.nearest()), bound_ms });
        }
        let follows = passed > ANCHOR_AGE && jump.surely().saturating_add(took) < self.bound / FOLLOW_SHARE;
        // A look twice as close that contradicts nothing replaces a vague anchor; it halves each time, so it cannot creep.
        let sharper = jump.surely().is_zero() && now.took < anchor.took / 2;
        if follows || sharper {
            self.anchor = Some(now);
        }
        if jump.at_most() > self.bound {
            return Err(vague(jump.width));
        }
        Ok(micros(err.max(jump.at_most())))
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

/// What a difference of clocks may be: it lies between `least` and `least + width`, for the looks took their time.
#[derive(Debug, Clone, Copy)]
struct Span {
    least: SignedDuration,
    width: SignedDuration,
}

impl Span {
    fn most(self) -> SignedDuration {
        self.least.saturating_add(self.width)
    }

    /// The value nearest to zero that it may have.
    fn nearest(self) -> SignedDuration {
        let zero = SignedDuration::ZERO;
        if self.least > zero {
            self.least
        } else if self.most() < zero {
            self.most()
        } else {
            zero
        }
    }

    /// How large it is in any case, whatever the sign.
    fn surely(self) -> SignedDuration {
        self.nearest().abs()
    }

    /// How large it may be, whatever the sign.
    fn at_most(self) -> SignedDuration {
        self.least.abs().max(self.most().abs())
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

fn micros(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
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

    /// A look that takes `took` milliseconds, at whose begin the database read a true clock.
    fn slow(start: Instant, passed: u64, took: u64) -> Reading {
        let mut reading = reading(start, passed, -i64::try_from(took).unwrap(), 0);
        reading.took = Duration::from_millis(took);
        reading
    }

    #[test]
    fn a_slow_look_is_refused_and_ties_no_later_one_to_it() {
        let start = Instant::now();
        let mut guard = ClockGuard::new(Duration::from_secs(1));
        // The first look of all takes two seconds: it could hide an error of as much.
        assert!(matches!(guard.check(slow(start, 2, 2_000)), Err(ClockError::Vague { .. })));
        assert_eq!(guard.check(reading(start, 3, 0, 0)), Ok(0), "a fast one is not held against it");
        assert!(matches!(guard.check(slow(start, 5, 1_001)), Err(ClockError::Vague { .. })));
        assert_eq!(
            guard.check(slow(start, 6, 400)),
            Ok(400_000),
            "what the look may hide is part of the error"
        );
        // A step that a slow look hides in part is seen as soon as it may be beyond the bound.
        let mut stepped = slow(start, 7, 400);
        stepped.database += SignedDuration::from_millis(-700);
        assert!(guard.check(stepped).is_err());
    }

    #[test]
    fn a_vague_anchor_gives_way_to_a_sharper_one() {
        let start = Instant::now();
        let mut guard = ClockGuard::new(Duration::from_secs(1));
        assert_eq!(guard.check(slow(start, 1, 600)), Ok(600_000));
        assert_eq!(guard.check(slow(start, 2, 10)), Ok(600_000));
        assert_eq!(guard.check(slow(start, 3, 10)), Ok(10_000), "the second look is the anchor now");
        assert!(matches!(guard.check(reading(start, 4, -1_200, -1_200)), Err(ClockError::Jumped { .. })));
        // Also when both looks together were too vague to stamp by: the first was read at its end, the second at its begin.
        let mut guard = ClockGuard::new(Duration::from_secs(1));
        let late = Reading { took: Duration::from_millis(900), ..reading(start, 1, 0, 0) };
        assert_eq!(guard.check(late), Ok(900_000));
        assert!(matches!(guard.check(slow(start, 2, 200)), Err(ClockError::Vague { .. })));
        assert_eq!(guard.check(slow(start, 3, 200)), Ok(200_000));
    }

    /// A database that always answers half a second late: whatever two such looks hide together stays within the bound.
    #[test]
    fn a_steadily_slow_database_is_stamped_by() {
        let start = Instant::now();
        let mut guard = ClockGuard::new(Duration::from_secs(1));
        for second in 1..100 {
            // Read halfway, give or take what a busy machine adds.
            let late = i64::try_from(second % 7).unwrap() * 20;
            let mut look = reading(start, second, -250 - late, 0);
            look.took = Duration::from_millis(500 + u64::try_from(late).unwrap());
            assert!(guard.check(look).is_ok(), "look {second}");
        }
    }

    /// Whatever the looks took and whenever within them the clock was read: what is stamped by is not further from the first
    /// look than the recorded error says, and never further than the bound.
    #[test]
    fn no_length_of_the_looks_hides_a_step_beyond_the_recorded_error() {
        let start = Instant::now();
        let steps = [-1_500, -1_001, -1_000, -700, -300, 0, 300, 700, 1_000, 1_001, 1_500];
        let looks = [
            (0, 0),
            (300, 0),
            (300, 150),
            (300, 300),
            (600, 0),
            (600, 600),
            (900, 0),
            (900, 450),
            (900, 900),
        ];
        let mut trusted = 0;
        for ((took, early), (anchor_took, anchor_early)) in
            looks.into_iter().flat_map(|now| looks.map(|anchor| (now, anchor)))
        {
            for step in steps {
                let look = |passed, took, early: i64, off| {
                    let wall = reading(start, passed, off - early, off);
                    Reading { took: Duration::from_millis(took), ..wall }
                };
                let mut guard = ClockGuard::new(Duration::from_secs(1));
                guard.check(look(1, anchor_took, anchor_early, 0)).unwrap();
                if let Ok(error) = guard.check(look(3, took, early, step)) {
                    trusted += 1;
                    assert!(error >= step.abs() * 1_000 && error <= 1_000_000, "{took} {anchor_took} {step}");
                }
            }
        }
        assert!(trusted > 200, "only {trusted} were trusted, so little was shown");
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
