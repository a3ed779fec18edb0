//! Where the register and the order of delivery disagree (R7: the hub says so and changes nothing).

use xiezhi_domain::{
    State,
    order::{Received, SuperiorDecision, order},
    register::{Action, Anomaly, Code, Expected, Place, anomalies, history, next},
};
use xiezhi_schemas::message::Kind;

use super::kit::*;

const W1: Place = Place::Waiting(1);

/// R31, R46: B was delivered after A and is registered as formal while A waits to be registered.
#[test]
fn r46_formal_before_an_earlier_delivery() {
    let b = seizure("B", "2024-03-05", FORMAL, "2024-03-05", "2027-03-04");
    let found = disagreements(&["A", "B"], std::slice::from_ref(&b), "2024-03-06");
    assert_eq!(found, [Anomaly::Overtook { request_id: id("B"), earlier: id("A") }]);
    assert_eq!(found[0].code(), Code::Overtook);
    assert_eq!(
        on(std::slice::from_ref(&b), "2024-03-06"),
        ["B 正式 2027-03-04"],
        "the register stays as reported"
    );
    // It stands as long as both do.
    let a = seizure("A", "2024-03-06", W1, "2024-03-06", "2027-03-05");
    assert_eq!(disagreements(&["A", "B"], &[b.clone(), a.clone()], "2024-03-07"), found);
    let lifted = lifting("Lb", "B", "2024-03-08");
    assert_eq!(disagreements(&["A", "B"], &[b.clone(), a, lifted], "2024-03-09"), []);
    // A's result only came late: it was registered first.
    let a = seizure("A", "2024-03-04", FORMAL, "2024-03-04", "2027-03-03");
    let b = seizure("B", "2024-03-05", W1, "2024-03-05", "2027-03-04");
    assert_eq!(disagreements(&["A", "B"], &[b, a], "2024-03-07"), []);
}

/// R37: what was returned is no earlier delivery any more.
#[test]
fn r37_a_returned_demand_was_not_overtaken() {
    let b = seizure("B", "2024-03-05", FORMAL, "2024-03-05", "2027-03-04");
    let receipt = |name, no, state| Received {
        request_id: id(name),
        kind: Kind::Seizure,
        delivered_at: at("2024-03-01"),
        no,
        state,
    };
    let history = history(&[b], at("2024-03-06"));
    for (state, disagree) in [(State::Delivered, 1), (State::Returned, 0), (State::Withdrawn, 0)] {
        let receipts = [receipt("A", 1, state), receipt("B", 2, State::Registered)];
        assert_eq!(anomalies(&order(&receipts, None), &history).len(), disagree, "{state}");
        // R53: under a decision of the superior court that puts B first there is nothing to say.
        let decision = SuperiorDecision::new(vec![id("B"), id("A")]).unwrap();
        assert_eq!(anomalies(&order(&receipts, Some(&decision)), &history), []);
    }
}

#[test]
fn r46_a_place_that_another_has() {
    let a = seizure("A", "2024-03-04", FORMAL, "2024-03-04", "2027-03-03");
    let b = seizure("B", "2024-03-05", FORMAL, "2024-03-05", "2027-03-04");
    assert_eq!(
        disagreements(&["A", "B"], &[a.clone(), b], "2024-03-06"),
        [Anomaly::PlaceTaken { request_id: id("B"), reported: FORMAL, expected: W1 }],
        "two formal seizures"
    );
    let b = seizure("B", "2024-03-05", W1, "2024-03-05", "2027-03-04");
    let c = seizure("C", "2024-03-06", W1, "2024-03-06", "2027-03-05");
    assert_eq!(
        disagreements(&["A", "B", "C"], &[a, b, c], "2024-03-07"),
        [Anomaly::PlaceTaken { request_id: id("C"), reported: W1, expected: Place::Waiting(2) }]
    );
}

/// Seizures from before the hub's time stand ahead of what is known here: said once, and no conversion is made up.
#[test]
fn a_registry_that_counts_seizures_unknown_here() {
    let b = seizure("B", "2024-03-05", Place::Waiting(2), "2024-03-05", "2027-03-04");
    let c = seizure("C", "2024-03-06", Place::Waiting(3), "2024-03-06", "2027-03-05");
    let known = [b.clone(), c.clone()];
    assert_eq!(
        disagreements(&["B", "C"], &known, "2024-03-07"),
        [Anomaly::MoreAhead { request_id: id("B"), reported: Place::Waiting(2), expected: FORMAL }]
    );
    // B ends; who comes next is not known here.
    let lifted = lifting("Lb", "B", "2024-04-01");
    assert_eq!(on(&[b.clone(), c.clone(), lifted], "2024-04-02")[1], "C 轮候 1 2027-03-05");
    // The registry reports that those before B have ended.
    let converted = conversion("B", "2024-04-03", "2027-03-04");
    assert_eq!(on(&[b.clone(), c.clone(), converted.clone()], "2024-04-04")[0], "B 正式 2027-03-04");
    assert_eq!(disagreements(&["B", "C"], &[b.clone(), c.clone(), converted], "2024-04-04").len(), 1);
    let renewed = renewal("Rb", "B", "2024-04-03", FORMAL, "2027-03-05", "2030-03-04");
    assert_eq!(on(&[b, c, renewed], "2024-04-04")[0], "B 正式 2030-03-04");
}

/// R48: a local system that restarts the period on conversion is found out.
#[test]
fn r48_conversion_with_another_end() {
    let known = [
        seizure("A", "2024-03-01", FORMAL, "2024-03-01", "2027-02-28"),
        seizure("B", "2024-06-10", W1, "2024-06-10", "2027-06-09"),
        lifting("La", "A", "2025-01-15"),
    ];
    let with = |to: &str| {
        let mut reports = known.to_vec();
        reports.push(conversion("B", "2025-01-16", to));
        assert_eq!(on(&reports, "2025-01-17")[1], "B 正式 2027-06-09", "what the law says stays");
        disagreements(&["A", "B"], &reports, "2025-01-17")
    };
    assert_eq!(with("2027-06-09"), []);
    assert_eq!(
        with("2028-01-14"),
        [Anomaly::ConversionEnd {
            request_id: id("B"),
            reported: day("2028-01-14"),
            kept: day("2027-06-09")
        }]
    );
}

/// R48: a conversion bears the instant of the lifting that it follows from; which of the two is heard of first does not matter.
#[test]
fn r48_a_conversion_heard_of_before_its_lifting() {
    let known = [
        seizure("A", "2024-03-01", FORMAL, "2024-03-01", "2027-02-28"),
        seizure("B", "2024-06-10", W1, "2024-06-10", "2027-06-09"),
    ];
    let (lifting, converted) =
        (lifting("La", "A", "2025-01-15"), conversion("B", "2025-01-15", "2027-06-09"));
    let alone = [known.as_slice(), std::slice::from_ref(&converted)].concat();
    let taken = Anomaly::PlaceTaken { request_id: id("B"), reported: FORMAL, expected: W1 };
    assert_eq!(disagreements(&["A", "B"], &alone, "2025-01-16"), [taken], "A stands before it still");
    for both in [[lifting.clone(), converted.clone()], [converted, lifting]] {
        let reports = [known.as_slice(), both.as_slice()].concat();
        assert_eq!(disagreements(&["A", "B"], &reports, "2025-01-16"), []);
        assert_eq!(on(&reports, "2025-01-16")[1], "B 正式 2027-06-09");
    }
}

/// R47: a waiting period runs from the day of registration; a formal one from wherever the court put it.
#[test]
fn r47_waiting_period_from_another_day() {
    let a = seizure("A", "2024-03-04", FORMAL, "2024-03-01", "2027-02-28");
    let b = seizure("B", "2024-06-10", W1, "2024-06-08", "2027-06-07");
    assert_eq!(
        disagreements(&["A", "B"], &[a, b.clone()], "2024-06-11"),
        [Anomaly::WaitingStart {
            request_id: id("B"),
            reported: day("2024-06-08"),
            registered_on: day("2024-06-10")
        }]
    );
    // R50: not under the older rule.
    let a = seizure("A", "2022-03-04", FORMAL, "2022-03-01", "2025-02-28");
    let b = seizure("B", "2023-06-10", W1, "2023-06-08", "2026-06-07");
    assert_eq!(disagreements(&["A", "B"], &[a, b], "2023-06-11"), []);
}

/// R24, R46: what the order asks for next, and that it is answered by registering.
#[test]
fn r46_the_order_says_what_comes_next() {
    let receipt = |name: &str, no, kind, state| Received {
        request_id: id(name),
        kind,
        delivered_at: at("2024-03-01"),
        no,
        state,
    };
    let (delivered, registered) = (State::Delivered, State::Registered);
    let a = seizure("A", "2024-03-04", FORMAL, "2024-03-04", "2027-03-03");
    let expected = |receipts: &[Received], reports: &[_]| {
        next(&order(receipts, None), history(reports, at("2024-03-06")).register.standing().count())
    };
    let expects = |name: &str, kind, place| Some(Expected { request_id: id(name), kind, place });
    assert_eq!(
        expected(
            &[receipt("B", 2, Kind::Seizure, delivered), receipt("A", 1, Kind::Seizure, delivered)],
            &[]
        ),
        expects("A", Kind::Seizure, Some(FORMAL))
    );
    let known = [a];
    let mut receipts =
        [receipt("A", 1, Kind::Seizure, registered), receipt("B", 2, Kind::Seizure, delivered)];
    assert_eq!(expected(&receipts, &known), expects("B", Kind::Seizure, Some(W1)));
    receipts[1].kind = Kind::Lifting;
    assert_eq!(expected(&receipts, &known), expects("B", Kind::Lifting, None));
    receipts[1].state = registered;
    assert_eq!(expected(&receipts, &known), None);
}

/// A report of a conversion that repeats what the law made of it is confirmed and changes nothing.
#[test]
fn a_report_says_which_action_it_is() {
    let json = serde_json::to_value(conversion("B", "2025-01-16", "2027-06-09")).unwrap();
    assert_eq!(json["action"], serde_json::json!({"action": "conversion", "to": "2027-06-09"}));
    let seizure = seizure("A", "2024-03-04", W1, "2024-03-04", "2027-03-03");
    let json = serde_json::to_string(&seizure).unwrap();
    assert_eq!(serde_json::from_str::<xiezhi_domain::register::Report>(&json).unwrap(), seizure);
    assert!(matches!(seizure.action, Action::Seizure { .. }));
}
