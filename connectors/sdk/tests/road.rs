//! The runtime on a real broker: what it acknowledges, when, in which order, and what becomes of everything else.
#![allow(clippy::unwrap_used, clippy::missing_docs_in_private_items, reason = "a test may panic")]

mod support;

use std::{sync::atomic::Ordering, time::Duration};

use anyhow::{Result, ensure};
use connector_sdk::{LocalOutcome, LocalReceiptOffer, check};
use harness::wait;
use jiff::Timestamp;
use serde_json::json;
use support::{DEAD, Habit, PATIENCE, QUEUE, REGISTRY, Road, sample};
use uuid::Uuid;
use xiezhi_schemas::message::{
    LocalReceiptVerdict, LocalRecord, OutcomeMessage, ReturnMessage, ReturnReason, Verdict,
};

/// Demands of each unit must have been taken in the order of their lane.
fn in_lane_order(road: &Road) -> bool {
    let held = road.local.held.lock().unwrap();
    held.iter()
        .enumerate()
        .all(|(n, (_, unit, seq))| held[..n].iter().all(|(_, other, before)| other != unit || before < seq))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_demand_gets_its_receipt_in_the_order_of_its_lane() -> Result<()> {
    let road = Road::open("receipts").await?;
    road.send(120, 5).await?;
    let running = road.start()?;
    road.settled(120).await?;
    assert!(in_lane_order(&road));
    assert!(!road.local.clash.load(Ordering::SeqCst), "two demands of one unit were in hand at once");
    let asked = road.ledger.asked.lock().unwrap().clone();
    assert!(asked.len() < 120, "receipts travel together: {asked:?}");
    running.finish().await?;
    road.env.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_before_the_ledger_has_answered() -> Result<()> {
    let road = Road::open("unanswered").await?;
    road.ledger.mute.store(true, Ordering::SeqCst);
    road.send(4, 2).await?;
    let running = road.start()?;
    wait::until("repeated questions", PATIENCE, async || {
        let asked = road.ledger.asked.lock().unwrap().len();
        ensure!(asked >= 3, "{asked} questions");
        Ok(())
    })
    .await?;
    // Taken by the local system, but all four are still the broker's.
    running.finish().await?;
    wait::until("the deliveries to be back", PATIENCE, async || {
        let waiting = road.waiting(QUEUE).await?;
        ensure!(waiting == 4, "{waiting} waiting");
        Ok(())
    })
    .await?;
    road.ledger.mute.store(false, Ordering::SeqCst);
    let running = road.start()?;
    road.settled(4).await?;
    assert_eq!(road.local.held.lock().unwrap().len(), 4, "the local system took each once");
    running.finish().await?;
    road.env.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_costs_nothing_but_a_second_delivery() -> Result<()> {
    let road = Road::open("cut").await?;
    let running = road.start()?;
    let mut sent = 0;
    for _ in 0..3 {
        sent += road.send(40, 4).await?.len();
        wait::until("a connection to cut", PATIENCE, async || {
            ensure!(road.cut().await? > 0, "the broker lists none yet");
            Ok(())
        })
        .await?;
    }
    road.settled(sent).await?;
    assert_eq!(road.local.held.lock().unwrap().len(), sent);
    running.finish().await?;
    road.env.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sick_system_pauses_its_registry_and_order_survives() -> Result<()> {
    let road = Road::open("pause").await?;
    road.local.sick.store(true, Ordering::SeqCst);
    let sent = road.send(30, 3).await?;
    let running = road.start()?;
    wait::until("the pause", PATIENCE, async || {
        let waiting = road.waiting(QUEUE).await?;
        ensure!(waiting == 30 && !road.local.calls.lock().unwrap().is_empty(), "{waiting} waiting");
        Ok(())
    })
    .await?;
    assert_eq!(road.waiting(DEAD).await?, 0);
    road.local.sick.store(false, Ordering::SeqCst);
    road.settled(sent.len()).await?;
    assert!(in_lane_order(&road));
    running.finish().await?;
    road.env.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demand_that_fails_alone_is_parked_and_the_others_go_on() -> Result<()> {
    let road = Road::open("poison").await?;
    let sent = road.send(40, 40).await?;
    road.local.habits.lock().unwrap().extend([(sent[3], Habit::Fail), (sent[9], Habit::Refuse)]);
    let running = road.start()?;
    // Fresh demands keep coming, as in life: they show that the system is well.
    let mut receipts = 38;
    wait::until("both to be parked", PATIENCE, async || {
        receipts += road.send(1, 1).await?.len();
        let dead = road.waiting(DEAD).await?;
        ensure!(dead == 2, "{dead} parked");
        Ok(())
    })
    .await?;
    road.settled(receipts).await?;
    running.finish().await?;
    road.env.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_hub_did_not_sign_never_reaches_the_local_system() -> Result<()> {
    let road = Road::open("forged").await?;
    let mut demand = sample::demand();
    demand.registry = REGISTRY.parse()?;
    road.publish(&demand, |body| {
        let text = String::from_utf8(body.clone()).unwrap();
        *body = text.replace("D-1", "D-2").into_bytes();
    })
    .await?;
    road.publish(&demand, |body| body.truncate(20)).await?;
    demand.registry = "990102".parse()?;
    road.publish(&demand, |_| {}).await?;
    let good = road.send(1, 1).await?;
    let running = road.start()?;
    road.settled(1).await?;
    wait::until("three dead letters", PATIENCE, async || {
        let dead = road.waiting(DEAD).await?;
        ensure!(dead == 3, "{dead}");
        Ok(())
    })
    .await?;
    assert_eq!(*road.local.calls.lock().unwrap(), good);
    running.finish().await?;
    road.env.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledgers_verdict_decides() -> Result<()> {
    let road = Road::open("verdicts").await?;
    let sent = road.send(4, 4).await?;
    let said = || ("HUB-0000".to_owned(), "for a test".to_owned());
    let ((a, b), (c, d), (e, f)) = (said(), said(), said());
    road.ledger.verdicts.lock().unwrap().extend([
        (sent[0], Verdict::Void { code: a, message: b }),
        (sent[1], Verdict::Park { code: c, message: d }),
        (sent[2], Verdict::Later { code: e, message: f, retry_after_ms: 20 }),
    ]);
    let running = road.start()?;
    road.settled(2).await?;
    assert_eq!(*road.local.voided.lock().unwrap(), [sent[0]]);
    assert!(road.ledger.numbers.lock().unwrap().contains_key(&sent[2]), "asked again after `later`");
    wait::until("the parked one", PATIENCE, async || {
        let dead = road.waiting(DEAD).await?;
        ensure!(dead == 1, "{dead}");
        Ok(())
    })
    .await?;
    running.finish().await?;
    road.env.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_queue_is_consumed_again_once_it_is_back() -> Result<()> {
    let road = Road::open("deleted").await?;
    let running = road.start()?;
    road.send(1, 1).await?;
    road.settled(1).await?;
    road.delete_queue().await?;
    tokio::time::sleep(Duration::from_millis(100)).await;
    road.make_queue().await?;
    road.send(3, 1).await?;
    road.settled(4).await?;
    running.finish().await?;
    road.env.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_are_settled_once_the_hub_has_them() -> Result<()> {
    let road = Road::open("outcomes").await?;
    for n in 1..=3u128 {
        let message = OutcomeMessage::ReturnV1(ReturnMessage {
            request_id: Uuid::from_u128(n),
            registry: REGISTRY.parse()?,
            reasons: vec![ReturnReason::PeriodMissing],
            text: "通知书未写明查封期限".into(),
            differing_fields: Vec::new(),
            decided_at: "2024-03-01T01:02:03Z".parse()?,
        });
        road.local.offers.lock().unwrap().push(LocalOutcome { outcome_id: n.to_string(), message });
    }
    let running = road.start()?;
    wait::until("all to be settled", PATIENCE, async || {
        let left = road.local.offers.lock().unwrap().len();
        ensure!(left == 0, "{left} left");
        Ok(())
    })
    .await?;
    assert_eq!(road.ledger.outcomes.lock().unwrap().len(), 3);
    running.finish().await?;
    road.env.finish().await
}

/// R5, R40: each receipt of the local link is offered until the hub has spoken, and the local system hears what it said.
#[tokio::test(flavor = "multi_thread")]
async fn receipts_of_the_local_link_are_settled_with_the_hubs_word() -> Result<()> {
    let road = Road::open("local_receipts").await?;
    let recorded = LocalReceiptVerdict::Recorded { requests: Vec::new() };
    let refused = LocalReceiptVerdict::Refused { code: "HUB-3262".into(), message: "no period".into() };
    let later = LocalReceiptVerdict::Later { code: "HUB-3011".into(), retry_after_ms: 1 };
    // The first waits for the clock, its correction behind it; the second is refused, the third gets no answer at first.
    let says = [
        ("L-1", vec![Some(later), Some(recorded.clone()), Some(LocalReceiptVerdict::Disputed)]),
        ("L-2", vec![Some(refused.clone())]),
        ("L-3", vec![None, Some(recorded.clone())]),
    ];
    let queue = |(number, words): (&str, Vec<_>)| (number.to_owned(), words.into());
    *road.ledger.links.lock().unwrap() = says.into_iter().map(queue).collect();
    let at: Timestamp = "2026-03-02T01:49:30.25Z".parse()?;
    for (receipt_id, number) in [("a", "L-1"), ("b", "L-1"), ("c", "L-2"), ("d", "L-3")] {
        let (number, system) = (number.to_owned(), "虚构区点对点系统".to_owned());
        let local = LocalRecord { number, received_at: at, system, operator: None };
        let offer = LocalReceiptOffer { receipt_id: receipt_id.into(), local, demand: json!({"any": 1}) };
        road.local.links.lock().unwrap().push(offer);
    }
    // The local system does not confirm the first settling: the hub is asked again and knows it.
    road.local.unsettled.store(1, Ordering::SeqCst);
    let running = road.start()?;
    wait::until("every offer to be settled", PATIENCE, async || {
        let left = road.local.links.lock().unwrap().len();
        ensure!(left == 0, "{left} left");
        Ok(())
    })
    .await?;
    let told = road.local.told.lock().unwrap().clone();
    let of =
        |id: &str| told.iter().filter(|(told, _)| told == id).map(|(_, v)| v.clone()).collect::<Vec<_>>();
    assert_eq!(of("a"), std::slice::from_ref(&recorded));
    assert_eq!(of("b"), [LocalReceiptVerdict::Disputed], "after what it corrects");
    let repeated = LocalReceiptVerdict::Repeated { requests: Vec::new() };
    assert_eq!(of("c"), [repeated], "the first word was lost on the way and the hub said what it knows");
    assert_eq!(of("d"), [recorded]);
    let reported = road.ledger.reported.lock().unwrap().clone();
    assert!(
        reported.iter().all(|(_, instant)| *instant == at),
        "the instant is the local system's: {reported:?}"
    );
    running.finish().await?;
    road.env.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_finds_a_missing_queue_and_changes_nothing() -> Result<()> {
    let road = Road::open("check").await?;
    road.send(2, 1).await?;
    let findings = check::check(&road.config()?, &*road.local).await;
    assert!(findings.iter().all(|finding| finding.ok), "{findings:?}");
    assert_eq!(road.waiting(QUEUE).await?, 2);
    assert_eq!(road.waiting("hub.up").await?, 0);

    let mut config = road.config()?;
    config.registries.push("990102".parse()?);
    let findings = check::check(&config, &*road.local).await;
    let wrong: Vec<_> = findings.iter().filter(|finding| !finding.ok).collect();
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert_eq!(wrong[0].what, "queue registry.990102.demand");

    // Without its rights, each is named.
    let none = serde_json::json!({"configure": "^$", "write": "^$", "read": "^$"});
    let path = ["permissions", road.env.name(), "xz-province-99"];
    road.env.management().request(reqwest::Method::PUT, &path, Some(&none)).await?;
    let findings = check::check(&road.config()?, &*road.local).await;
    let wrong: Vec<_> =
        findings.iter().filter(|finding| !finding.ok).map(|finding| finding.what.as_str()).collect();
    assert_eq!(wrong, ["exchange province.99.up", "queue registry.990101.demand"]);
    road.env.finish().await
}
