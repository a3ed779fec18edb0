//! Programs that die at the worst moment: connector and hub around receipt, acknowledgement, publish and mark.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use harness::loops;
use harness::world::World;
use serde_json::Value;

use crate::run::{PROVINCE, REGISTRY, Run, SOON};

const FAILPOINT: &str = "XIEZHI_FAILPOINT";

fn by_request(receipts: &[Value]) -> BTreeMap<String, Value> {
    receipts.iter().map(|one| (one["request_id"].as_str().unwrap().to_owned(), one.clone())).collect()
}

/// A connector that dies with deliveries in hand, before the ledger was asked, after it answered, before and after the
/// acknowledgement: the redelivery finds the same receipt, and the registry holds each demand once.
#[tokio::test(flavor = "multi_thread")]
async fn a02_a04_connector_killed_around_receipt_and_acknowledgement() {
    let run =
        Run::start(World::builder("a02").provinces(&[PROVINCE]).registries_each(1).courts(&["court-a"]))
            .await;
    let connector = run.world.connector(PROVINCE);
    // Sixteen kills in each round: every place, once with the first delivery and then with others in hand and settled.
    let rounds = loops(1, 13);
    for place in ["before_receipt", "after_receipt", "before_ack", "after_ack"] {
        for nth in [1, 2, 3, 4].repeat(rounds) {
            let known = by_request(&run.receipts().await);
            connector.set_env(FAILPOINT, &format!("{place}:{nth}"));
            connector.restart().await.unwrap();
            connector.ready(SOON).await.unwrap();
            let ids = run.submit_many(REGISTRY, 4, Duration::ZERO).await;
            connector.wait_for_end(SOON).await.unwrap();
            let at_death = by_request(&run.receipts().await);
            let fresh = at_death.len() - known.len();
            match place {
                "before_receipt" if nth == 1 => {
                    assert_eq!(fresh, 0, "no receipt before the ledger was asked")
                }
                "before_receipt" => {}
                _ => assert!(fresh >= nth, "{fresh} receipts although {place} was passed {nth} times"),
            }
            let in_book: Vec<usize> = join_all(ids.iter().map(async |id| run.book(*id).await.0)).await;
            assert!(
                in_book.iter().sum::<usize>() >= nth,
                "the registry took {nth} before the connector died"
            );

            connector.set_env(FAILPOINT, "");
            connector.restart().await.unwrap();
            for id in &ids {
                run.wait_for_state(*id, "registered", SOON).await;
            }
            let now = by_request(&run.receipts().await);
            for (id, receipt) in &at_death {
                assert_eq!(now.get(id), Some(receipt), "a repeat changed a receipt after {place}");
            }
            let (mut taken, mut again) = (0, 0);
            for id in &ids {
                assert_eq!(run.receipts_of(*id).await.len(), 1);
                let (first, repeats) = run.book(*id).await;
                assert_eq!(first, 1, "{id} was filed {first} times at the registry");
                taken += first;
                again += repeats;
            }
            assert_eq!(taken, ids.len());
            if place != "after_ack" {
                assert!(again >= 1, "after {place} nothing came again: it was acknowledged too early");
            }
            if matches!(place, "after_receipt" | "before_ack") {
                let log = connector.log();
                assert!(log.contains("the ledger had this receipt already"), "no repeat was answered: {log}");
            }
            run.tell(&format!("{place}:{nth}: {fresh} receipts at death, {again} came again"));
        }
    }
    run.judge().await;
}

/// A hub that dies around publishing, marking and stamping: what is unclear is sent again, one receipt comes of it, and
/// the row is marked once.
#[tokio::test(flavor = "multi_thread")]
async fn a35_hub_killed_around_publish_mark_and_receipt() {
    let run =
        Run::start(World::builder("a35").provinces(&[PROVINCE]).registries_each(1).courts(&["court-a"]))
            .await;
    let hub = &run.world.hub;
    let places =
        ["before_publish", "after_publish", "after_confirm", "before_receipt_commit", "after_receipt_commit"];
    for place in places.repeat(loops(1, 40)) {
        let receipts = run.receipts().await;
        hub.set_env(FAILPOINT, place);
        hub.restart().await.unwrap();
        hub.ready(SOON).await.unwrap();
        let body = run.demand(REGISTRY);
        let (request, at_death) = tokio::join!(run.submit(&body), async {
            hub.wait_for_end(SOON).await.unwrap();
            let unmarked = run.count("SELECT count(*) FROM inv_outbox WHERE confirmed_at IS NULL").await;
            let found = (unmarked, run.receipts().await);
            hub.set_env(FAILPOINT, "");
            hub.restart().await.unwrap();
            found
        });
        let (unmarked, stamped) = at_death;
        // The receipt can overtake the mark, so it is certain only where the row was not published.
        match place {
            "before_publish" => assert_eq!((unmarked, stamped.len()), (1, receipts.len())),
            "after_publish" => assert_eq!(unmarked, 1, "marked before the broker's confirm was judged"),
            "after_confirm" => assert_eq!(unmarked, 0),
            "before_receipt_commit" => assert_eq!(stamped.len(), receipts.len(), "half a receipt"),
            _ => assert_eq!(stamped.len(), receipts.len() + 1, "a committed receipt is gone"),
        }
        run.wait_for_state(request, "registered", SOON).await;
        let after = run.receipts_of(request).await;
        assert_eq!(after.len(), 1, "one receipt after {place}");
        assert!(stamped.iter().all(|old| old["request_id"] != after[0]["request_id"] || *old == after[0]));
        let (taken, again) = run.book(request).await;
        assert_eq!(taken, 1);
        match place {
            "before_publish" => assert_eq!(again, 0, "nothing was published before the crash"),
            "after_publish" => assert!(again >= 1, "what was not marked is sent again"),
            _ => {}
        }
        let rows = format!(
            "SELECT count(*) FROM inv_outbox WHERE request_id = '{request}' AND confirmed_at IS NOT NULL"
        );
        run.wait_for_count("the mark", &rows, 1, SOON).await;
        run.tell(&format!("{place}: {unmarked} rows unmarked at death, came again {again} times"));
    }
    run.judge().await;
}
