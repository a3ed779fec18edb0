//! Receipts entered afterwards: the limits, and who moves.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;
use xiezhi_domain::{
    State,
    late::{Lateness, lateness, moved_by},
    order::{Received, order},
};
use xiezhi_schemas::message::Kind;

fn instant(second: i64) -> Timestamp {
    Timestamp::from_second(1_709_258_400 + second).unwrap()
}

fn received(n: u16, second: i64, state: State) -> Received {
    let request_id = Uuid::from_u128(n.into());
    Received { request_id, kind: Kind::Seizure, delivered_at: instant(second), no: n.into(), state }
}

#[test]
fn both_limits_are_inclusive() {
    let judged = |lag: i64| lateness(instant(0), instant(lag), 300, 3600);
    for (lag, expected) in [
        (-1, Lateness::Future),
        (0, Lateness::Timely),
        (300, Lateness::Timely),
        (301, Lateness::Late),
        (3600, Lateness::Late),
        (3601, Lateness::TooLate),
    ] {
        assert_eq!(judged(lag), expected, "{lag}");
    }
    let tick = SignedDuration::from_micros(1);
    assert_eq!(lateness(instant(0) + tick, instant(0), 300, 3600), Lateness::Future);
    // A grace beyond the bound allows nothing beyond the bound.
    assert_eq!(lateness(instant(0), instant(61), 300, 60), Lateness::TooLate);
}

/// R34: handed in at 09:59 and entered at 10:05, it stands before the network's receipt of 10:00.
#[test]
fn r34_papers_of_0959_stand_before_the_receipt_of_1000() {
    let online = received(1, 60, State::Delivered);
    let moved = moved_by(&[online], received(2, 0, State::Delivered));
    assert_eq!(moved.iter().map(|m| (m.receipt, m.from, m.to)).collect::<Vec<_>>(), [(online, 1, 2)]);
    // The same instant, later by number: nobody moves.
    assert!(moved_by(&[online], received(2, 60, State::Delivered)).is_empty());
    // Nor does what was returned.
    assert!(moved_by(&[received(1, 60, State::Returned)], received(2, 0, State::Delivered)).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// V19: whatever is entered when, the line is the same as if everything had come in the order of the instants, and
    /// exactly those behind the newcomer moved, by one place each.
    #[test]
    fn those_behind_the_newcomer_move_by_one(
        list in prop::collection::vec((0_i64..50, prop::sample::select(State::ALL.to_vec())), 0..30),
        second in 0_i64..50,
    ) {
        let standing: Vec<Received> =
            list.into_iter().zip(1_u16..).map(|((second, state), n)| received(n, second, state)).collect();
        let newcomer = received(1000, second, State::Delivered);
        let moved = moved_by(&standing, newcomer);
        let mut all = standing.clone();
        all.push(newcomer);
        let after = order(&all, None);
        let place = after.iter().position(|one| one.request_id == newcomer.request_id).unwrap();
        let behind: Vec<Received> = after[place + 1..].to_vec();
        prop_assert_eq!(moved.iter().map(|m| m.receipt).collect::<Vec<_>>(), behind);
        prop_assert!(moved.iter().all(|m| m.to == m.from + 1));
    }
}
