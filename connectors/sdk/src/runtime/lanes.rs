//! Which delivery may be worked on next. A lane is one property unit at this registry: its demands go strictly one after another, in
//! the order of the hub; different lanes go side by side.

use std::collections::{BTreeMap, HashMap};

use xiezhi_schemas::identifier::UnitCode;

/// The deliveries of one registry that are in hand.
pub(crate) struct Lanes<J> {
    lanes: HashMap<UnitCode, Lane<J>>,
    busy: usize,
    alone: bool,
}

struct Lane<J> {
    busy: bool,
    /// By place in the lane, then by the order in which the broker delivered.
    waiting: BTreeMap<(i64, u64), J>,
}

impl<J> Lanes<J> {
    pub(crate) fn new() -> Self {
        Self { lanes: HashMap::new(), busy: 0, alone: false }
    }

    /// Takes a delivery in hand.
    pub(crate) fn admit(&mut self, unit: UnitCode, lane_seq: i64, tag: u64, job: J) {
        let lane = self.lanes.entry(unit).or_insert_with(|| Lane { busy: false, waiting: BTreeMap::new() });
        lane.waiting.insert((lane_seq, tag), job);
    }

    /// The next delivery to work on, if one may start now. A job of suspicion 0 starts beside others, up to `most`; of the rest
    /// the least suspect starts, and alone, so that a failure is its own and takes nobody with it.
    pub(crate) fn start(&mut self, most: usize, suspicion: impl Fn(&J) -> u32) -> Option<(UnitCode, J)> {
        if self.alone || self.busy >= most {
            return None;
        }
        let (level, key, unit) = self
            .heads()
            .map(|(unit, key, job)| (suspicion(job), key, unit))
            .min_by_key(|(level, key, _)| (*level, key.1))?;
        if level > 0 && self.busy > 0 {
            return None;
        }
        let unit = unit.clone();
        let lane = self.lanes.get_mut(&unit)?;
        let job = lane.waiting.remove(&key)?;
        lane.busy = true;
        self.busy += 1;
        self.alone = level > 0;
        Some((unit, job))
    }

    /// The first waiting delivery of each lane that has none in work.
    fn heads(&self) -> impl Iterator<Item = (&UnitCode, (i64, u64), &J)> {
        let idle = self.lanes.iter().filter(|(_, lane)| !lane.busy);
        idle.filter_map(|(unit, lane)| lane.waiting.first_key_value().map(|(key, job)| (unit, *key, job)))
    }

    /// Whether everything that could start is suspect.
    pub(crate) fn only_suspects(&self, suspicion: impl Fn(&J) -> u32) -> bool {
        self.heads().all(|(_, _, job)| suspicion(job) > 0)
    }

    /// The delivery that was started in this lane is done with.
    pub(crate) fn finish(&mut self, unit: &UnitCode) {
        let Some(lane) = self.lanes.get_mut(unit) else { return };
        lane.busy = false;
        self.busy -= 1;
        self.alone = false;
        if lane.waiting.is_empty() {
            self.lanes.remove(unit);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use proptest::prelude::*;

    use super::*;

    fn unit(n: u8) -> UnitCode {
        format!("320102001001GB{:05}F00010001", n + 1).parse().unwrap()
    }

    proptest! {
        /// Whatever order things arrive, start and finish in: no lane has two in hand, those waiting together start in the order of
        /// the hub, every delivery starts once, and a suspect is alone.
        #[test]
        fn lanes_keep_their_order(
            steps in prop::collection::vec((0u8..4, 0u8..5, 0i64..6, 0u32..2), 1..120),
            most in 1usize..5,
        ) {
            let mut lanes = Lanes::new();
            let mut waiting: Vec<(u8, i64, u64, u32)> = Vec::new();
            let mut running: Vec<(u8, u32)> = Vec::new();
            let mut tag = 0;
            for (action, lane, seq, level) in steps {
                match action {
                    0 | 1 => {
                        tag += 1;
                        lanes.admit(unit(lane), seq, tag, (lane, seq, tag, level));
                        waiting.push((lane, seq, tag, level));
                    }
                    2 => match lanes.start(most, |job| job.3) {
                        Some((_, job)) => {
                            prop_assert!(running.len() < most);
                            prop_assert!(running.iter().all(|(lane, _)| *lane != job.0));
                            prop_assert!(running.iter().all(|(_, level)| *level == 0));
                            prop_assert!(job.3 == 0 || running.is_empty());
                            let earlier = waiting.iter().any(|other| other.0 == job.0 && (other.1, other.2) < (job.1, job.2));
                            prop_assert!(!earlier);
                            waiting.retain(|other| other.2 != job.2);
                            running.push((job.0, job.3));
                        }
                        None => {
                            // Nothing that could start is held back.
                            let idle = running.is_empty();
                            prop_assert!(!idle || waiting.is_empty());
                        }
                    },
                    _ => if let Some((lane, _)) = running.pop() { lanes.finish(&unit(lane)) },
                }
            }
        }
    }

    #[test]
    fn suspects_wait_for_the_others_and_go_alone() {
        let mut lanes = Lanes::new();
        lanes.admit(unit(1), 1, 1, 2u32);
        lanes.admit(unit(2), 1, 2, 0);
        lanes.admit(unit(3), 1, 3, 1);
        assert_eq!(lanes.start(8, |level| *level).unwrap().1, 0);
        assert!(lanes.start(8, |level| *level).is_none());
        lanes.finish(&unit(2));
        assert_eq!(lanes.start(8, |level| *level).unwrap().1, 1);
        lanes.admit(unit(4), 1, 4, 0);
        assert!(lanes.start(8, |level| *level).is_none());
        lanes.finish(&unit(3));
        assert_eq!(lanes.start(8, |level| *level).unwrap().1, 0);
    }
}
