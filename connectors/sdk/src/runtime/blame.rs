//! Tells a sick system from a poisonous demand. When the local system fails, nobody knows which: the registry is paused, and the
//! demand is remembered. If the system then takes others and fails on this one again, the demand is to blame.
//!
//! This is memory, not state: lost with the process, it is learned anew.

use std::collections::HashMap;

use uuid::Uuid;

/// Above this many remembered demands the memory is cleared: then the system was sick, not the demands.
const MOST: usize = 1000;

/// What is remembered of one registry.
#[derive(Debug, Default)]
pub(crate) struct Blame {
    taken: u64,
    marks: HashMap<Uuid, Mark>,
}

#[derive(Debug)]
struct Mark {
    failures: u32,
    taken_then: u64,
}

impl Blame {
    /// How suspect a demand is; 0 for one that never failed.
    pub(crate) fn level(&self, request_id: Uuid) -> u32 {
        self.marks.get(&request_id).map_or(0, |mark| mark.failures)
    }

    /// The local system answered for this demand as it should.
    pub(crate) fn answered(&mut self, request_id: Uuid) {
        self.taken += 1;
        self.marks.remove(&request_id);
    }

    /// The demand is gone for a reason that says nothing about the local system.
    pub(crate) fn forget(&mut self, request_id: Uuid) {
        self.marks.remove(&request_id);
    }

    /// The local system failed while it had this demand. True when it did so `limit` times and answered for others each time in
    /// between: then the demand is to blame and must be parked.
    pub(crate) fn failed(&mut self, request_id: Uuid, limit: u32) -> bool {
        if self.marks.len() >= MOST {
            self.marks.clear();
        }
        let taken = self.taken;
        let mark = self.marks.entry(request_id).or_insert(Mark { failures: 0, taken_then: taken });
        if mark.failures == 0 || taken > mark.taken_then {
            mark.failures += 1;
        }
        mark.taken_then = taken;
        let guilty = mark.failures >= limit;
        if guilty {
            self.marks.remove(&request_id);
        }
        guilty
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sick_system_convicts_nobody() {
        let mut blame = Blame::default();
        for _ in 0..100 {
            assert!(!blame.failed(Uuid::from_u128(1), 3));
            assert!(!blame.failed(Uuid::from_u128(2), 3));
        }
        assert_eq!(blame.level(Uuid::from_u128(1)), 1);
    }

    #[test]
    fn a_poisonous_demand_is_found_among_others_that_succeed() {
        let mut blame = Blame::default();
        let poison = Uuid::from_u128(1);
        assert!(!blame.failed(poison, 3));
        blame.answered(Uuid::from_u128(2));
        assert!(!blame.failed(poison, 3));
        assert!(!blame.failed(poison, 3));
        blame.answered(Uuid::from_u128(3));
        assert!(blame.failed(poison, 3));
        assert_eq!(blame.level(poison), 0);
    }

    #[test]
    fn success_clears() {
        let mut blame = Blame::default();
        let demand = Uuid::from_u128(1);
        assert!(!blame.failed(demand, 3));
        blame.answered(demand);
        assert_eq!(blame.level(demand), 0);
    }
}
