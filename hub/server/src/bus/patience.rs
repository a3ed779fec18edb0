//! Who waits because the broker refused, and for how long.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

/// First pause; doubles up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(250);
/// Longest pause.
const LONGEST: Duration = Duration::from_secs(30);

/// Growing pauses, one for each key that was refused.
#[derive(Debug)]
pub struct Patience<K> {
    held_back: HashMap<K, HeldBack>,
}

#[derive(Debug)]
struct HeldBack {
    until: Instant,
    pause: Duration,
}

impl<K> Default for Patience<K> {
    fn default() -> Self {
        Self { held_back: HashMap::new() }
    }
}

impl<K: Eq + Hash> Patience<K> {
    /// Those that are not to be tried yet.
    pub fn waiting(&self) -> impl Iterator<Item = &K> {
        let now = Instant::now();
        self.held_back.iter().filter(move |(_, held)| held.until > now).map(|(key, _)| key)
    }

    /// The broker took it.
    pub fn taken(&mut self, key: &K) {
        self.held_back.remove(key);
    }

    /// The broker refused it: it waits, longer each time.
    pub fn refused(&mut self, key: K) {
        let pause = self.held_back.get(&key).map_or(SHORTEST, |held| (held.pause * 2).min(LONGEST));
        // Jitter, so that those refused together do not come back together.
        let until = Instant::now() + pause.mul_f64(0.75 + rand::random::<f64>() / 2.0);
        self.held_back.insert(key, HeldBack { until, pause });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_refused_waits_longer_each_time_until_taken() {
        let mut patience = Patience::default();
        patience.refused(1);
        let first = patience.held_back[&1].pause;
        for _ in 0..20 {
            patience.refused(1);
        }
        assert_eq!((first, patience.held_back[&1].pause), (SHORTEST, LONGEST));
        assert_eq!(patience.waiting().collect::<Vec<_>>(), [&1]);
        patience.taken(&1);
        assert_eq!(patience.waiting().count(), 0);
    }
}
