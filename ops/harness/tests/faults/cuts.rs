//! Lines that are cut at one message: acknowledgement, receipt, its answer, COMMIT and the reply to it, confirm. Both ends see
//! a broken line and cannot know what the other has.

use std::time::Duration;

use harness::loops;
use harness::proxy::{Deed, Frame, Proxy, Rule};
use harness::world::{Links, World};
use serde_json::Value;

use crate::run::{PROVINCE, REGISTRY, Run, SOON};

/// One place on the road of a demand where a message gets lost.
struct Place {
    name: &'static str,
    line: fn(&Links) -> &Proxy,
    rule: fn() -> Rule,
    /// Whether the registry must see the demand again.
    comes_again: bool,
}

const PLACES: [Place; 10] = [
    Place {
        name: "connector: the acknowledgement after the receipt",
        line: |links| &links.provinces,
        rule: || Rule::new(Frame::Ack, Deed::CutBefore),
        comes_again: true,
    },
    Place {
        name: "connector: the line, right after the acknowledgement",
        line: |links| &links.provinces,
        rule: || Rule::new(Frame::Ack, Deed::CutAfter),
        comes_again: false,
    },
    Place {
        name: "connector: the receipt on its way to the ledger",
        line: |links| &links.provinces,
        rule: || Rule::new(Frame::Publish, Deed::CutBefore).containing("xiezhi.receipts.v1"),
        comes_again: true,
    },
    Place {
        name: "connector: the ledger's answer",
        line: |links| &links.provinces,
        rule: || Rule::new(Frame::Deliver, Deed::CutBefore).containing("\"answers\""),
        comes_again: true,
    },
    Place {
        name: "ledger: COMMIT of the receipt",
        line: |links| &links.database,
        rule: || Rule::new(Frame::Commit, Deed::CutBefore).within("INSERT INTO receipt"),
        comes_again: false,
    },
    Place {
        name: "ledger: the reply to COMMIT of the receipt",
        line: |links| &links.database,
        rule: || Rule::new(Frame::Committed, Deed::CutBefore).within("INSERT INTO receipt"),
        comes_again: false,
    },
    Place {
        name: "hub: its answer to the connector",
        line: |links| &links.broker,
        rule: || Rule::new(Frame::Publish, Deed::CutBefore).containing("\"answers\""),
        comes_again: false,
    },
    Place {
        name: "hub: its acknowledgement of the receipt",
        line: |links| &links.broker,
        rule: || Rule::new(Frame::Ack, Deed::CutBefore).on("xiezhi-hub hub.receipts"),
        comes_again: false,
    },
    Place {
        name: "relay: the publish",
        line: |links| &links.broker,
        rule: || Rule::new(Frame::Publish, Deed::CutBefore).on("xiezhi-hub relay"),
        comes_again: false,
    },
    Place {
        name: "relay: the confirm",
        line: |links| &links.broker,
        rule: || Rule::new(Frame::Confirm, Deed::CutBefore).on("xiezhi-hub relay"),
        comes_again: true,
    },
];

/// At every place in turn one message gets lost with its line. Each demand is registered in the end, was filed once, and has
/// one receipt, which no repeat changes.
#[tokio::test(flavor = "multi_thread")]
async fn a02_a03_a04_a22_one_receipt_wherever_the_line_is_cut() {
    let builder = World::builder("cuts").provinces(&[PROVINCE]).registries_each(1).courts(&["court-a"]);
    let builder = builder.connector_env("XIEZHI_CONNECTOR__RECEIPTS__ANSWER_TIMEOUT_SECS", "2");
    let run = Run::start(builder.through_proxies()).await;
    let mut known: Vec<Value> = Vec::new();
    for round in 0..loops(1, 20) {
        for place in &PLACES {
            let trap = (place.line)(run.world.links()).arm((place.rule)());
            let request = run.submit(&run.demand(REGISTRY)).await;
            trap.sprung(SOON).await.unwrap_or_else(|error| panic!("{}: {error:#}", place.name));
            drop(trap);
            run.wait_for_state(request, "registered", SOON).await;
            let now = run.receipts().await;
            assert_eq!(now.len(), known.len() + 1, "{}: one receipt for one demand", place.name);
            assert!(now.starts_with(&known), "{}: an older receipt changed", place.name);
            if place.comes_again {
                // The second delivery may still be on its way when the first has done everything.
                let again =
                    harness::wait::until("the second delivery", SOON, async || run.book(request).await.1 > 0);
                again.await.unwrap_or_else(|error| panic!("{}: {error:#}", place.name));
            }
            assert_eq!(run.book(request).await.0, 1, "{}: filed twice", place.name);
            known = now;
            run.tell(&format!("{round}: {}", place.name));
        }
        // Its waits between two connections grow; a fresh one starts with the shortest.
        run.world.connector(PROVINCE).restart().await.unwrap();
    }
    run.judge().await;
}

/// How much later the reply to COMMIT of a receipt arrives than it was sent.
const LATE: Duration = Duration::from_secs(2);

/// Lets the reply to COMMIT of one receipt come late. Gives the time from there to the acknowledgement, `None` when that came
/// before.
async fn from_commit_to_ack(run: &Run) -> Option<Duration> {
    let links = run.world.links();
    let acks = links.provinces.arm(Rule::new(Frame::Ack, Deed::Watch).times(usize::MAX));
    let late = Rule::new(Frame::Committed, Deed::Delay(LATE)).within("INSERT INTO receipt");
    let reply = links.database.arm(late);
    let request = run.submit(&run.demand(REGISTRY)).await;
    reply.sprung(SOON).await.unwrap();
    assert_eq!(run.receipts_of(request).await.len(), 1, "the receipt is written, only the reply is late");
    acks.sprung(SOON).await.unwrap();
    let (committed, acknowledged) = (reply.strikes()[0], acks.strikes()[0]);
    run.wait_for_state(request, "registered", SOON).await;
    assert_eq!(run.book(request).await, (1, 0));
    acknowledged.checked_duration_since(committed)
}

/// The reply to COMMIT of a receipt comes late. Until it is there no acknowledgement goes out, though the receipt is written.
#[tokio::test(flavor = "multi_thread")]
async fn a04_no_acknowledgement_passes_before_the_commit_is_known() {
    let builder = World::builder("order").provinces(&[PROVINCE]).registries_each(1).courts(&["court-a"]);
    let run = Run::start(builder.through_proxies()).await;
    for _ in 0..loops(3, 20) {
        let after = from_commit_to_ack(&run).await;
        assert!(after.is_some_and(|after| after >= LATE), "acknowledged {after:?} after the commit was sent");
    }
    run.judge().await;
}

/// The same look at a connector that acknowledges first, which it must catch.
#[tokio::test(flavor = "multi_thread")]
async fn a04_a_connector_that_acknowledges_first_is_caught() {
    let builder = World::builder("planted").provinces(&[PROVINCE]).registries_each(1).courts(&["court-a"]);
    let builder = builder.connector_env("XIEZHI_PLANTED_BUG", "ack_before_receipt");
    let run = Run::start(builder.through_proxies()).await;
    assert_eq!(from_commit_to_ack(&run).await, None, "a planted bug was not seen");
    run.world.finish().await.unwrap();
}

/// COMMIT of an acceptance, or the reply to it, gets lost. The court gets a good answer or one that says that it must ask
/// again; asking again gives the same requests, and everything is there once.
#[tokio::test(flavor = "multi_thread")]
async fn a03_an_acceptance_whose_commit_is_unknown_is_read_back() {
    let builder = World::builder("accept").provinces(&[PROVINCE]).registries_each(1).courts(&["court-a"]);
    let run = Run::start(builder.through_proxies()).await;
    let mut read_back = 0;
    let rounds = loops(10, 100);
    for round in 0..rounds * 2 {
        let reply_is_lost = round % 2 == 0;
        let frame = if reply_is_lost { Frame::Committed } else { Frame::Commit };
        let rule = Rule::new(frame, Deed::CutBefore).within("INSERT INTO demand");
        let cut = run.world.links().database.arm(rule);
        let body = run.demand(REGISTRY);
        let first = run.attempt(&body).await;
        cut.sprung(SOON).await.unwrap();
        drop(cut);
        let id = body["demand_id"].as_str().unwrap();
        let written = run.count(&format!("SELECT count(*) FROM demand WHERE demand_id = '{id}'")).await;
        assert_eq!(written, i64::from(reply_is_lost));
        let again = run.submit(&body).await;
        match first {
            harness::invariants::Outcome::Answered { status: 200..=299, body } => {
                assert!(reply_is_lost, "accepted although it was not");
                assert_eq!(harness::world::request_ids(&body).unwrap(), [again]);
                read_back += 1;
            }
            harness::invariants::Outcome::Answered { status: 503, .. } => {}
            other => panic!("{other:?}"),
        }
    }
    run.tell(&format!("{read_back} of {rounds} lost replies were read back at once"));
    assert!(read_back > 0, "no lost reply was read back");
    run.judge().await;
}
