//! The queue of a property unit through the real hub, connector and county: who stands where before and after a lifting,
//! who may read it, and how it comes in pages.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use harness::world::{World, demand, unit_code};
use reqwest::Method;
use serde_json::{Value, json};
use support::{SOON, told};
use xiezhi_schemas::message::Kind;

/// Place, position and state of each line.
fn lines(queue: &Value) -> Vec<(Option<u64>, Option<&str>, &str)> {
    let lines = queue["items"].as_array().unwrap().iter();
    lines.map(|l| (l["place"].as_u64(), l["position"].as_str(), l["state"].as_str().unwrap())).collect()
}

/// R24, R46, R48, R68, R148: two seizures and a lifting on one unit.
#[tokio::test(flavor = "multi_thread")]
async fn two_seizures_and_a_lifting_in_the_queue() {
    let world = World::builder("queue").provinces(&["32", "62"]).start().await.unwrap();
    let (first, second) = (world.court("court-a"), world.court("court-b"));
    let operator = world.operator();
    let unit = unit_code("320102", 5);
    let path = format!("/v1/units/{unit}/queue");

    let seizure = demand(Kind::Seizure, "320102").unit(&unit).build();
    let original = seizure.submission.case_number.to_string();
    let a = first.send(&seizure).await.unwrap()[0];
    first.wait_for_state(a, "registered", SOON).await.unwrap();
    let later = demand(Kind::Seizure, "320102").court("沪0115").unit(&unit).build();
    let b = second.send(&later).await.unwrap()[0];
    second.wait_for_state(b, "registered", SOON).await.unwrap();
    let bad = demand(Kind::Seizure, "320102").court("沪0115").unit(&unit).remarks("SIM:RETURN").build();
    let returned = second.send(&bad).await.unwrap()[0];
    second.wait_for_state(returned, "returned", SOON).await.unwrap();

    let before = operator.get(&path).await.unwrap();
    assert_eq!(
        lines(&before),
        [
            (Some(1), Some("正式"), "registered"),
            (Some(2), Some("轮候 1"), "registered"),
            (None, None, "returned")
        ]
    );
    assert_eq!(before["register"], json!({"formal": 1, "waiting": 1, "ended": 0}));
    assert!(before["turn"].is_null(), "everything is answered");
    assert_eq!(before["items"][1]["demand"]["request_id"], json!(b));
    assert_eq!(before["items"][1]["seizure"]["rule"], "from_registration");
    assert_eq!(before["items"][1]["channel"], "net");
    let end = before["items"][1]["seizure"]["period_to"].clone();

    // The lifting names the first by its case number; the second is formal and keeps its end, and its court is told.
    let lifting = demand(Kind::Lifting, "320102").unit(&unit).original(&original).build();
    let lifted = first.send(&lifting).await.unwrap()[0];
    first.wait_for_state(lifted, "registered", SOON).await.unwrap();
    let after = operator.get(&path).await.unwrap();
    assert_eq!(
        lines(&after),
        [
            (Some(1), Some("已解除"), "registered"),
            (Some(2), Some("正式"), "registered"),
            (Some(3), None, "registered"),
            (None, None, "returned")
        ]
    );
    assert_eq!(after["register"], json!({"formal": 1, "waiting": 0, "ended": 1}));
    assert_eq!(after["items"][1]["seizure"]["period_to"], end);
    assert_eq!(told(&second, b).await, ["delivered", "registered", "converted"]);
    assert_eq!(
        support::count(
            &world,
            "SELECT count(*) FROM inv_event WHERE kind IN ('order_anomaly', 'register_flag')"
        )
        .await,
        0
    );

    // Page by page it is the same list.
    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = operator.get(&format!("{path}?limit=1{cursor}")).await.unwrap();
        paged.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(json!(paged), after["items"]);

    // The command line shows the same.
    let shown = world.hub_cli_as("operator-1", &["queue", &unit, "--json"]).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["items"], after["items"]);
    let table = world.hub_cli_as("operator-1", &["queue", &unit]).await.unwrap();
    assert!(table.contains("1 正式, 0 轮候, 1 ended") && table.contains("已解除"), "{table}");

    // A court sees its own in full, of others what is registered and no names; what was returned to another is none of its.
    let of_first = first.get(&path).await.unwrap();
    let names: Vec<_> =
        of_first["items"].as_array().unwrap().iter().map(|l| l["demand"]["sender"].as_str()).collect();
    assert_eq!(names, [Some("court-a"), None, Some("court-a")]);
    let text = of_first.to_string();
    for name in ["court-b", "沪0115", &b.to_string(), &returned.to_string()] {
        assert!(!text.contains(name), "{name} in {text}");
    }
    assert_eq!(second.get(&path).await.unwrap()["items"].as_array().unwrap().len(), 4);

    // The province's connector reads it, another's does not, and a court without a demand there neither.
    world.caller("connector-32").get(&path).await.unwrap();
    let elsewhere = format!("/v1/units/{}/queue", unit_code("320102", 6));
    for (who, path, code) in [
        ("connector-62", path.as_str(), "HUB-1404"),
        ("court-a", &elsewhere, "HUB-1404"),
        ("operator-1", &elsewhere, "HUB-1404"),
        ("operator-1", "/v1/units/320102/queue", "HUB-1403"),
        ("operator-1", &format!("{path}?limit=0"), "HUB-1403"),
        ("operator-1", &format!("{path}?cursor=x"), "HUB-1403"),
    ] {
        let answer = world.caller(who).request(Method::GET, path, None).await.unwrap();
        assert_eq!(answer.code(), code, "{who} {path}: {}", answer.body);
    }
    world.finish().await.unwrap();
}

/// R53: the superior court's decision through the command line, and the queue that shows it.
#[tokio::test(flavor = "multi_thread")]
async fn a_decided_order_in_the_queue() {
    let world = World::builder("queue_decided").provinces(&["32"]).start().await.unwrap();
    let (first, second) = (world.court("court-a"), world.court("court-b"));
    let unit = unit_code("320102", 6);
    let a = first.send(&demand(Kind::Seizure, "320102").unit(&unit).build()).await.unwrap()[0];
    first.wait_for_state(a, "registered", SOON).await.unwrap();
    let b =
        second.send(&demand(Kind::Seizure, "320102").court("沪0115").unit(&unit).build()).await.unwrap()[0];
    second.wait_for_state(b, "registered", SOON).await.unwrap();

    let hub = async |args: &[&str]| world.hub_cli_as("operator-1", args).await.unwrap();
    let (a_id, b_id) = (a.to_string(), b.to_string());
    let opened = hub(&["dispute", "open", &a_id, "--reason", "两家法院对查封顺位有异议", "--json"]).await;
    let opened: Value = serde_json::from_str(&opened).unwrap();
    let dispute = opened["dispute_id"].as_str().unwrap();
    assert_eq!(opened["superior"]["code"], "最高法");
    let document = world.dir().join("decision.pdf");
    std::fs::write(&document, b"%PDF-1.7 a decision on the order by a court that does not exist").unwrap();
    let document = document.to_str().unwrap();
    hub(&[
        "dispute",
        "order",
        dispute,
        "--court",
        "最高法",
        "--date",
        "2026-01-05",
        "--number",
        "（2026）最高法执协7号",
        "--document",
        document,
        &b_id,
        &a_id,
    ])
    .await;
    let c = first.send(&demand(Kind::Seizure, "320102").unit(&unit).build()).await.unwrap()[0];
    first.wait_for_state(c, "registered", SOON).await.unwrap();

    let queue: Value = serde_json::from_str(&hub(&["queue", &unit, "--json"]).await).unwrap();
    let places: Vec<_> = queue["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| (l["demand"]["request_id"].clone(), l["decided"]["document_number"].clone()))
        .collect();
    let number = json!("（2026）最高法执协7号");
    assert_eq!(places, [(json!(b), number.clone()), (json!(a), number), (json!(c), Value::Null)]);
    // The registry registers, not the hub: in the register everybody stands where the county put him.
    assert_eq!(
        lines(&queue),
        [
            (Some(1), Some("轮候 1"), "registered"),
            (Some(2), Some("正式"), "registered"),
            (Some(3), Some("轮候 2"), "registered")
        ]
    );
    let table = hub(&["queue", &unit]).await;
    assert!(table.contains("placed by （2026）最高法执协7号 of 最高法"), "{table}");
    assert_eq!(told(&second, b).await, ["delivered", "registered", "dispute_opened", "order_decided"]);
    world.finish().await.unwrap();
}
