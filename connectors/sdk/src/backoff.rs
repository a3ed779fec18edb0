//! How long to wait between tries: doubling, capped, and spread by chance so that three hundred registries which failed
//! together do not come back together.

use std::time::Duration;

/// Waits that double up to a cap.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first }
    }

    /// The next wait: between half and all of the doubled step, never above the cap.
    pub(crate) fn wait(&mut self) -> Duration {
        let step = self.next.min(self.most);
        self.next = step.saturating_mul(2).min(self.most);
        step.mul_f64(rand::random_range(0.5..=1.0))
    }

    /// Starts again from the first step.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_below_the_cap() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));
        let waits: Vec<_> = (0..20).map(|_| backoff.wait()).collect();
        assert!(waits[0] <= Duration::from_millis(100) && waits[0] >= Duration::from_millis(50));
        assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(30)));
        assert!(waits[19] >= Duration::from_secs(15));
        backoff.reset();
        assert!(backoff.wait() <= Duration::from_millis(100));
    }
}
