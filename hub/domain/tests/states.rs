//! The table of transitions: its published page, and what holds for every sequence of events.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeSet, HashSet};

use proptest::prelude::*;
use xiezhi_domain::{Event, IllegalTransition, State, TRANSITIONS, state::published_page};

#[test]
fn the_published_page_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/STATES.md");
    if std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::write(path, published_page()).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(page, published_page(), "print it anew: UPDATE_PAGES=1 cargo test -p xiezhi-domain");
}

/// R31–R39, R42–R44: written out a second time on purpose, so that a slip in the table is seen.
#[test]
fn every_pair_of_state_and_event_does_what_the_rules_say() {
    use State::*;
    // Columns: receipt by network, by window, by local link, registered, returned, withdrawn, dead letter, replayed, closed.
    let expected: [(State, [Option<State>; 9]); 7] = [
        (
            InFlight,
            [
                Some(Delivered),
                Some(Delivered),
                Some(Delivered),
                None,
                Some(Returned),
                None,
                Some(Undelivered),
                None,
                None,
            ],
        ),
        (Delivered, [None, None, None, Some(Registered), Some(Returned), Some(Withdrawn), None, None, None]),
        (Undelivered, [None, None, None, None, None, None, None, Some(InFlight), Some(Closed)]),
        (Registered, [None; 9]),
        (Returned, [None; 9]),
        (Withdrawn, [None; 9]),
        (Closed, [None; 9]),
    ];
    assert_eq!(expected.iter().map(|row| row.0).collect::<BTreeSet<_>>(), BTreeSet::from(State::ALL));
    for (from, row) in expected {
        for (event, to) in Event::ALL.into_iter().zip(row) {
            assert_eq!(from.on(event), to.ok_or(IllegalTransition { from, event }), "{from} on {event}");
        }
    }
}

#[test]
fn a_transition_is_listed_once() {
    let distinct: HashSet<_> = TRANSITIONS.iter().map(|t| (t.from, t.event)).collect();
    assert_eq!(distinct.len(), TRANSITIONS.len());
}

#[test]
fn every_state_can_be_reached() {
    let mut reached = BTreeSet::from([State::INITIAL]);
    loop {
        let next: Vec<_> = TRANSITIONS.iter().filter(|t| reached.contains(&t.from)).map(|t| t.to).collect();
        let before = reached.len();
        reached.extend(next);
        if reached.len() == before {
            break;
        }
    }
    assert_eq!(reached, BTreeSet::from(State::ALL));
}

#[test]
fn words_survive_a_round_trip() {
    for state in State::ALL {
        assert_eq!(state.as_str().parse(), Ok(state));
        assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
    }
    for event in Event::ALL {
        assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
    }
    assert!("送达".parse::<State>().is_err());
}

#[test]
fn a_refusal_says_what_was_asked_of_what() {
    let refused = State::Closed.on(Event::ReceiptRecorded).unwrap_err();
    let text = refused.to_string();
    assert!(text.starts_with(&format!("[{}]", IllegalTransition::CODE)), "{text}");
    assert!(text.contains("closed") && text.contains("receipt_recorded"), "{text}");
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    // Two thirds from the road itself, so that long lives are met often enough.
    let any = prop::sample::select(Event::ALL.to_vec());
    let road = prop::sample::select(vec![Event::DeadLettered, Event::Replayed]);
    prop::collection::vec(prop_oneof![1 => any, 2 => road], 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_events_keeps_the_promises(events in events()) {
        let mut state = State::INITIAL;
        let (mut receipts, mut replays, mut dead) = (0_u32, 0_u32, 0_u32);
        let mut log = vec![state];
        for event in events {
            let before = state;
            let Ok(after) = before.on(event) else {
                // A refused event changes nothing, however often it is repeated.
                prop_assert_eq!(before.on(event), Err(IllegalTransition { from: before, event }));
                continue;
            };
            // Final means final.
            prop_assert!(!before.is_terminal());
            // Undelivered is left by replay or close only.
            if before == State::Undelivered {
                prop_assert!(matches!(event, Event::Replayed | Event::Closed));
            }
            // A receipt makes it delivered, nothing else does, and never twice: replay cannot make another one.
            prop_assert_eq!(event.is_receipt(), after == State::Delivered);
            // A delivered request is never called undelivered, and never sent again.
            if log.contains(&State::Delivered) {
                prop_assert!(!matches!(after, State::Undelivered | State::InFlight | State::Closed));
            }
            // Only what was received can be registered or withdrawn.
            if matches!(after, State::Registered | State::Withdrawn) {
                prop_assert!(log.contains(&State::Delivered));
            }
            receipts += u32::from(event.is_receipt());
            replays += u32::from(event == Event::Replayed);
            dead += u32::from(event == Event::DeadLettered);
            log.push(after);
            state = after;
        }
        prop_assert!(receipts <= 1);
        // Each attempt dies once at most, and only what died is sent again.
        prop_assert!(replays <= dead && dead <= replays + 1);
        // A rank belongs to a receipt.
        prop_assert!(!state.has_rank() || receipts == 1);
    }
}
