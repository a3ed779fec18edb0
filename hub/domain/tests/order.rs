//! The order of a property's demands: receipts decide, nothing else.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;
use xiezhi_domain::{
    State,
    order::{NamedTwice, Received, SuperiorDecision, order},
};
use xiezhi_schemas::message::Kind;

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn received(n: u128, at: &str, no: i64, state: State) -> Received {
    Received { request_id: id(n), kind: Kind::Seizure, delivered_at: at.parse().unwrap(), no, state }
}

fn ids(receipts: &[Received], decision: Option<&SuperiorDecision>) -> Vec<u128> {
    order(receipts, decision).iter().map(|r| r.request_id.as_u128()).collect()
}

/// R31: a basic court's paper at 10:00:00 stands before the highest court's message at 10:00:01.
#[test]
fn who_is_received_first_ranks_first() {
    let highest = received(1, "2024-03-01T10:00:01+08:00", 2, State::Delivered);
    let basic = received(2, "2024-03-01T10:00:00+08:00", 1, State::Delivered);
    assert_eq!(ids(&[highest, basic], None), [2, 1]);
}

/// Equal instants are ordered by the number of the receipt.
#[test]
fn equal_instants_are_ordered_by_number() {
    let at = "2024-03-01T10:00:00+08:00";
    let receipts = [12, 3, 7].map(|no: i64| received(no.unsigned_abs().into(), at, no, State::Delivered));
    assert_eq!(ids(&receipts, None), [3, 7, 12]);
}

/// R37: of three the first is returned; the second and third move up. A withdrawn one loses its place as well.
#[test]
fn what_was_returned_has_no_place() {
    let mut receipts = [1, 2, 3].map(|n: i64| {
        received(n.unsigned_abs().into(), &format!("2024-03-01T10:0{n}:00+08:00"), n, State::Registered)
    });
    assert_eq!(ids(&receipts, None), [1, 2, 3]);
    receipts[0].state = State::Returned;
    assert_eq!(ids(&receipts, None), [2, 3]);
    receipts[1].state = State::Withdrawn;
    assert_eq!(ids(&receipts, None), [3]);
}

/// R38: a corrected demand stands behind everything that was received meanwhile.
#[test]
fn a_corrected_demand_stands_where_its_own_receipt_puts_it() {
    let first = received(1, "2024-03-01T09:00:00+08:00", 1, State::Returned);
    let meanwhile = received(2, "2024-03-01T09:30:00+08:00", 2, State::Delivered);
    let corrected = received(3, "2024-03-01T10:00:00+08:00", 3, State::Delivered);
    assert_eq!(ids(&[corrected, meanwhile, first], None), [2, 3]);
}

/// R53: those that the superior court names change places among themselves; the others keep theirs.
#[test]
fn a_decision_moves_only_what_it_names() {
    let mut receipts = [1, 2, 3, 4].map(|n: i64| {
        received(n.unsigned_abs().into(), &format!("2024-03-01T10:0{n}:00+08:00"), n, State::Delivered)
    });
    let decision = SuperiorDecision::new(vec![id(4), id(1)]).unwrap();
    assert_eq!(ids(&receipts, Some(&decision)), [4, 2, 3, 1]);
    receipts[3].state = State::Returned;
    assert_eq!(ids(&receipts, Some(&decision)), [1, 2, 3], "what has no rank is passed over");
    assert_eq!(SuperiorDecision::new(vec![id(1), id(2), id(1)]), Err(NamedTwice(id(1))));
}

fn some_receipts() -> impl Strategy<Value = Vec<Received>> {
    let state = prop::sample::select(State::ALL.to_vec());
    prop::collection::vec((0_i64..50, state), 0..40).prop_map(|list| {
        let at = |second| Timestamp::from_second(1_709_258_400 + second).unwrap();
        list.into_iter()
            .zip(1_u16..)
            .map(|((second, state), n)| Received {
                request_id: id(n.into()),
                kind: Kind::ALL[usize::from(n % 4)],
                delivered_at: at(second),
                no: n.into(),
                state,
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// V19, R31, R40: the order is that of (instant, number) over what has a rank, in whatever sequence the receipts are
    /// read. Channel and court are no fields of a receipt here, so they cannot matter.
    #[test]
    fn the_order_is_a_pure_function_of_receipts((receipts, mixed) in some_receipts()
        .prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle())))
    {
        let ordered = order(&receipts, None);
        prop_assert_eq!(&order(&mixed, None), &ordered);
        // Said differently: a place is the number of ranked receipts that come before.
        for (place, one) in ordered.iter().enumerate() {
            let before = receipts.iter().filter(|other| {
                matches!(other.state, State::Delivered | State::Registered)
                    && (other.delivered_at < one.delivered_at
                        || (other.delivered_at == one.delivered_at && other.no < one.no))
            });
            prop_assert_eq!(before.count(), place);
        }
        let ranked = receipts.iter().filter(|r| matches!(r.state, State::Delivered | State::Registered));
        prop_assert_eq!(ranked.count(), ordered.len());
    }

    /// A decision permutes: nobody is lost, nobody it does not name moves, and what it names stands as it says.
    #[test]
    fn a_decision_permutes_the_named(receipts in some_receipts(), picks in prop::collection::vec(1_u16..45, 0..10)) {
        let mut named: Vec<Uuid> = Vec::new();
        for pick in picks {
            if !named.contains(&id(pick.into())) {
                named.push(id(pick.into()));
            }
        }
        let before = order(&receipts, None);
        let after = order(&receipts, Some(&SuperiorDecision::new(named.clone()).unwrap()));
        prop_assert_eq!(before.len(), after.len());
        for (was, is) in before.iter().zip(&after) {
            prop_assert_eq!(named.contains(&was.request_id), named.contains(&is.request_id));
            if !named.contains(&was.request_id) {
                prop_assert_eq!(was, is);
            }
        }
        let decided: Vec<Uuid> = after.iter().map(|r| r.request_id).filter(|id| named.contains(id)).collect();
        named.retain(|id| decided.contains(id));
        prop_assert_eq!(decided, named);
    }
}
