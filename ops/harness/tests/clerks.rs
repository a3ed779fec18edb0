//! A clerk's day with the real programs: papers at the window by the command line, with the second person and the place they
//! take among what came by the network; and the forms of a demand as PDF, read back.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::path::Path;
use std::process::Command;

use harness::world::{Court, World, demand, unit_code};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use support::SOON;
use uuid::Uuid;
use xiezhi_schemas::message::Kind;

const REGISTRY: &str = "320102";

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

async fn queue(world: &World, unit: &str) -> Vec<(String, String, String)> {
    let shown = world.hub_cli_as("operator-1", &["queue", unit, "--json"]).await.unwrap();
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or("-").to_owned();
    let line = |l: &Value| {
        (l["demand"]["request_id"].as_str().unwrap().to_owned(), text(l, "channel"), text(l, "state"))
    };
    json_of(&shown)["items"].as_array().unwrap().iter().map(line).collect()
}

async fn by_network(court: &Court, unit: &str, code: &str) -> Uuid {
    let demand = demand(Kind::Seizure, REGISTRY).court(code).unit(unit).build();
    let request = court.send(&demand).await.unwrap()[0];
    court.wait_for_state(request, "registered", SOON).await.unwrap();
    request
}

/// R34, R40, A17: papers entered at once, and papers entered late, which pass what came by the network meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn papers_of_the_window_take_their_place_beside_the_network() {
    let world = World::builder("clerks").provinces(&["32"]).clerks_of(&[REGISTRY]).start().await.unwrap();
    let window = world.window(REGISTRY).unwrap();
    let unit = unit_code(REGISTRY, 7);
    let papers = |code: &str| demand(Kind::Seizure, REGISTRY).court(code).unit(&unit).build();
    // Before the network's, but entered only afterwards.
    let handed_over = Timestamp::now() - SignedDuration::from_mins(40);
    let network = by_network(&world.court("court-a"), &unit, "京0105").await.to_string();

    let timely = papers("沪0115");
    let entered = window.record(&timely, Timestamp::now(), None).await.unwrap();
    assert_eq!(entered["status"], "recorded", "{entered}");
    let second = entered["requests"][0]["request_id"].as_str().unwrap().to_owned();
    let period = timely.submission.period.unwrap();
    let waits = json!({"schema": "xiezhi.result.v1", "request_id": second, "registry": REGISTRY, "registration": {
        "status": "waiting", "waiting_position": 1, "business_number": "W-1", "registered_at": Timestamp::now(),
        "period_from": period.from, "period_to": period.to}});
    assert_eq!(window.report(&waits).await.unwrap()["verdict"]["is"], "effective");

    // One person alone has received nothing, nor can the same one be the second.
    let late =
        window.record(&papers("苏0102"), handed_over, Some("the desk had no connection")).await.unwrap();
    assert_eq!((&late["status"], &late["second_because"]), (&json!("pending"), &json!("late")), "{late}");
    let entry = late["entry_id"].as_str().unwrap();
    let alone = window.confirm(&window.clerk(), entry).await.unwrap_err().to_string();
    assert!(alone.contains("HUB-3256"), "{alone}");
    assert_eq!(queue(&world, &unit).await.len(), 2);
    let pending = ["window", "list", "--status", "pending", "--json"];
    let listed = json_of(&world.hub_cli_as(&window.second(), &pending).await.unwrap());
    assert!(listed.to_string().contains(entry), "{listed}");

    let confirmed = window.confirm(&window.second(), entry).await.unwrap();
    let first = &confirmed["requests"][0];
    let moved: Vec<_> =
        first["moved"].as_array().unwrap().iter().map(|m| m["request_id"].as_str().unwrap()).collect();
    assert_eq!(moved, [network.as_str(), &second], "{confirmed}");
    let line = |id: &str, channel: &str, state: &str| (id.to_owned(), channel.to_owned(), state.to_owned());
    assert_eq!(
        queue(&world, &unit).await,
        [
            line(first["request_id"].as_str().unwrap(), "window", "delivered"),
            line(&network, "net", "registered"),
            line(&second, "window", "registered"),
        ],
        "the order is that of delivery; what is registered stays registered"
    );
    let conflicts = "SELECT count(*) FROM inv_event WHERE kind = 'order_changed'";
    assert_eq!(support::count(&world, conflicts).await, 1);
    world.hub_cli(&["ledger", "verify"]).await.unwrap();
    world.finish().await.unwrap();
}

fn pdftotext(pdf: &Path) -> Vec<u8> {
    let ran = Command::new("pdftotext").args(["-enc", "UTF-8"]).arg(pdf).arg("-").output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    ran.stdout
}

/// R70 to R75: notice and receipt of a demand that travelled, as PDF, read back to the same data.
#[tokio::test(flavor = "multi_thread")]
async fn forms_of_a_demand_that_travelled_are_read_back() {
    let world = World::builder("forms").provinces(&["32"]).registries_each(1).start().await.unwrap();
    let court = world.court("court-a");
    let unit = unit_code(REGISTRY, 8);
    by_network(&court, &unit, "京0105").await;
    let waiting = by_network(&court, &unit, "京0105").await.to_string();
    for form in ["notice", "receipt"] {
        let pdf = world.dir().join(format!("{form}.pdf"));
        let out = pdf.display().to_string();
        let args = ["form", form, "--request", &waiting, "--out", &out, "--json"];
        let written = json_of(&world.hub_cli_as("court-a", &args).await.unwrap());
        let text = world.dir().join(format!("{form}.txt"));
        std::fs::write(&text, pdftotext(&pdf)).unwrap();
        let read = world.hub_cli(&["form", "read", &text.display().to_string()]).await.unwrap();
        assert_eq!(json_of(&read), written["data"], "{form}");
        if form == "receipt" {
            assert_eq!(written["data"]["standing"], "waiting", "轮候 is marked");
        }
    }
    // Somebody else's demand has no form for this court.
    let foreign = ["form", "notice", "--request", &waiting, "--json"];
    let refused = world.hub_cli_as("court-b", &foreign).await.unwrap_err().to_string();
    assert!(refused.contains("HUB-1404"), "{refused}");
    world.finish().await.unwrap();
}
