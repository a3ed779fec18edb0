//! One unit and the three channels with the real programs: a demand over the county's own link (点对点) that is reported late,
//! one of the network, and papers of the window; one line for all, results on each, and a conversion that the registry reports.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use harness::wait;
use harness::world::{World, demand, unit_code};
use jiff::{Timestamp, ToSpan as _, Zoned};
use serde_json::{Value, json};
use support::{SOON, count, told};
use xiezhi_schemas::message::Kind;

const REGISTRY: &str = "320102";

async fn queue(world: &World, unit: &str) -> Vec<Value> {
    let queue = world.operator().get(&format!("/v1/units/{unit}/queue")).await.unwrap();
    queue["items"].as_array().unwrap().clone()
}

/// Channel, position and state of each line.
fn lines(queue: &[Value]) -> Vec<(&str, Option<&str>, &str)> {
    queue
        .iter()
        .map(|l| (l["channel"].as_str().unwrap(), l["position"].as_str(), l["state"].as_str().unwrap()))
        .collect()
}

/// R4, R5, R31, R40, R48.
#[tokio::test(flavor = "multi_thread")]
async fn three_channels_stand_in_one_line() {
    let world = World::builder("links").provinces(&["32"]).clerks_of(&[REGISTRY]).start().await.unwrap();
    let (window, court) = (world.window(REGISTRY).unwrap(), world.court("court-a"));
    let (county, connector) = (world.county("32"), world.connector("32"));
    let unit = unit_code(REGISTRY, 9);

    // The connector is down while a court serves over the county's own link. The county enters it first in its register.
    connector.kill9();
    let linked = demand(Kind::Seizure, REGISTRY).court("苏0102").unit(&unit).build();
    county.by_its_own_link(REGISTRY, "D2D-1", &linked.value()).await.unwrap();
    wait::until("the county to decide what its link received", SOON, async || {
        let decided = county.journal().await?.iter().filter(|line| line["event"] == "decided").count();
        anyhow::ensure!(decided == 1, "{decided}");
        Ok(())
    })
    .await
    .unwrap();
    let served = county.links(REGISTRY).await.unwrap()[0]["local"]["received_at"].clone();
    // Then somebody brings papers to the window; the clerk will enter them later.
    let handed_over = Timestamp::now();
    let network =
        demand(Kind::Seizure, REGISTRY).court("沪0115").unit(&unit).remarks("SIM:NEW-PERIOD").build();
    let net = court.send(&network).await.unwrap()[0];
    connector.spawn().unwrap();
    connector.ready(SOON).await.unwrap();
    court.wait_for_state(net, "registered", SOON).await.unwrap();

    // Reported late, it stands where it was served: before all others, with the registry's own instant.
    wait::until("the result of what came over the link", SOON, async || {
        let queue = queue(&world, &unit).await;
        let states = lines(&queue);
        anyhow::ensure!(
            states.first().is_some_and(|first| *first == ("p2p", Some("正式"), "registered")),
            "{states:?}"
        );
        Ok(())
    })
    .await
    .unwrap();
    let shown = queue(&world, &unit).await;
    assert_eq!(lines(&shown), [("p2p", Some("正式"), "registered"), ("net", Some("轮候 1"), "registered")]);
    let p2p = shown[0]["demand"]["request_id"].as_str().unwrap().to_owned();
    let settled = &county.links(REGISTRY).await.unwrap()[0];
    assert_eq!(settled["verdict"]["requests"][0]["request_id"], json!(p2p));
    assert_eq!(settled["verdict"]["requests"][0]["stamp"]["delivered_at"], served);

    // The window's papers pass the network's demand, so a second person confirms; what is registered is not reordered.
    let papers = demand(Kind::Seizure, REGISTRY).court("京0105").unit(&unit).build();
    let entered = window.record(&papers, handed_over, None).await.unwrap();
    assert_eq!(entered["second_because"], "passes_others", "{entered}");
    let entry = entered["entry_id"].as_str().unwrap();
    let confirmed = window.confirm(&window.second(), entry).await.unwrap();
    let paper = confirmed["requests"][0]["request_id"].as_str().unwrap().to_owned();
    let result = json!({"schema": "xiezhi.result.v1", "request_id": paper, "registry": REGISTRY, "registration": {
        "status": "waiting", "waiting_position": 2, "business_number": "W-1", "registered_at": Timestamp::now(),
        "period_from": Zoned::now().date(), "period_to": Zoned::now().date().checked_add(3.years()).unwrap()}});
    assert_eq!(window.report(&result).await.unwrap()["verdict"]["is"], "effective");
    let shown = queue(&world, &unit).await;
    assert_eq!(
        lines(&shown),
        [
            ("p2p", Some("正式"), "registered"),
            ("window", Some("轮候 2"), "registered"),
            ("net", Some("轮候 1"), "registered")
        ],
        "by the instant of delivery; the register stays as the registry has it"
    );
    assert_eq!(count(&world, "SELECT count(*) FROM inv_event WHERE kind = 'order_conflict'").await, 1);

    // The first is lifted. The registry reports that the next became formal, with a period that begins anew.
    let original = linked.submission.case_number.to_string();
    let lifting = demand(Kind::Lifting, REGISTRY).court("苏0102").unit(&unit).original(&original).build();
    let lifted = court.send(&lifting).await.unwrap()[0];
    court.wait_for_state(lifted, "registered", SOON).await.unwrap();
    wait::until("the court to hear of the reported conversion", SOON, async || {
        let words = told(&court, net).await;
        anyhow::ensure!(words.contains(&"conversion_reported".to_owned()), "{words:?}");
        Ok(())
    })
    .await
    .unwrap();
    let events = court.events_of(net).await.unwrap();
    let of = |word: &str| &events.iter().find(|event| event["body"]["event"] == word).unwrap()["body"];
    let (reported, converted) = (of("conversion_reported"), of("converted"));
    let registered = &of("registered")["registration"];
    assert_eq!(converted["period_to"], registered["period_to"], "the rest of the period runs on");
    assert_eq!(reported["period_kept"], registered["period_to"]);
    assert_eq!(reported["formal_since"], converted["formal_since"]);
    let shown = queue(&world, &unit).await;
    assert_eq!(shown[2]["position"], "正式");
    assert_eq!(shown[2]["seizure"]["period_to"], registered["period_to"]);
    world.hub_cli(&["ledger", "verify"]).await.unwrap();

    // The province moves to the network.
    let moving = Zoned::now().date().checked_add(30.days()).unwrap().to_string();
    let reason = "the whole province serves by the network";
    world.hub_cli(&["province", "link", "close", "32", "--from", &moving, "--reason", reason]).await.unwrap();
    let past = ["province", "link", "close", "32", "--from", "2024-01-01", "--reason", reason];
    let refused = world.hub_cli(&past).await.unwrap_err().to_string();
    assert!(refused.contains("HUB-1035"), "{refused}");
    let links = world.hub_cli(&["province", "link", "show", "32", "--json"]).await.unwrap();
    let links: Value = serde_json::from_str(&links).unwrap();
    assert_eq!((&links[0]["closed_from"], &links[0]["reason"]), (&json!(moving), &json!(reason)), "{links}");
    world.finish().await.unwrap();
}
