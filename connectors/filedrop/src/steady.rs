//! Whether a file is complete. On a shared directory nobody tells when a writer is done; a file that has its final name counts
//! once its size and time of change stood still long enough by this machine's own clock.

use std::{
    collections::HashMap,
    ffi::OsString,
    sync::Mutex,
    time::{Duration, Instant, SystemTime},
};

/// How many files are watched before the oldest watches are forgotten, which only makes those files wait again.
const MAX_WATCHED: usize = 100_000;

/// What of a file shows that somebody still writes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) bytes: u64,
    pub(crate) changed_at: Option<SystemTime>,
}

/// What was seen of incoming files, and since when.
#[derive(Debug)]
pub(crate) struct Watch {
    still: Duration,
    seen: Mutex<HashMap<OsString, (Look, Instant)>>,
}

impl Watch {
    /// Files must stand still for this long; zero means that a final name is enough.
    pub(crate) fn new(still: Duration) -> Self {
        Self { still, seen: Mutex::default() }
    }

    /// Takes in one look; true when the file may be read.
    pub(crate) fn is_steady(&self, name: &OsString, look: Look, now: Instant) -> bool {
        if self.still.is_zero() {
            return true;
        }
        let mut seen = self.seen.lock().expect("no holder of this lock panics");
        if seen.len() >= MAX_WATCHED && !seen.contains_key(name) {
            seen.clear();
        }
        let entry = seen.entry(name.clone()).or_insert((look, now));
        if entry.0 != look {
            *entry = (look, now);
        }
        now.saturating_duration_since(entry.1) >= self.still
    }

    /// The file is gone: one that comes under its name later is watched anew.
    pub(crate) fn forget(&self, name: &OsString) {
        self.seen.lock().expect("no holder of this lock panics").remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_counts_when_it_stood_still() {
        let watch = Watch::new(Duration::from_secs(2));
        let name = OsString::from("Out1.xml");
        let look = |bytes| Look { bytes, changed_at: None };
        let begin = Instant::now();
        let at = |secs| begin + Duration::from_secs(secs);
        assert!(!watch.is_steady(&name, look(1), at(0)));
        assert!(!watch.is_steady(&name, look(5), at(3)), "it grew");
        assert!(!watch.is_steady(&name, look(5), at(4)));
        assert!(watch.is_steady(&name, look(5), at(5)));
        watch.forget(&name);
        assert!(!watch.is_steady(&name, look(5), at(6)), "another file of that name");
        assert!(Watch::new(Duration::ZERO).is_steady(&name, look(1), at(0)));
    }
}
