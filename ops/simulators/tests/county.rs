//! The county over a real socket: what it promises, and each way in which it breaks its promises.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use simulators::county::{Config, Crash, Running, serve};
use uuid::Uuid;

const TOKEN: &str = "county-test-token";

struct County {
    base: String,
    client: Client,
    _running: Option<Running>,
}

fn client() -> Client {
    // Several tests come here; the first installs the provider.
    rustls::crypto::ring::default_provider().install_default().ok();
    Client::builder().timeout(Duration::from_secs(10)).build().unwrap()
}

fn config(dir: &Path) -> Config {
    Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        journal: dir.to_owned(),
        token: TOKEN.into(),
        registries: None,
        decide_after: Duration::ZERO,
        seed: 1,
        crash: Crash::HangUp,
    }
}

impl County {
    async fn within(dir: &Path) -> Self {
        let running = serve(config(dir)).await.unwrap();
        Self { base: format!("http://{}", running.address()), client: client(), _running: Some(running) }
    }

    async fn post(&self, path: &str, body: &Value) -> reqwest::Result<(StatusCode, Value)> {
        let request = self.client.post(format!("{}{path}", self.base)).bearer_auth(TOKEN).json(body);
        let response = request.send().await?;
        let status = response.status();
        Ok((status, response.json().await?))
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.client.get(format!("{}{path}", self.base)).bearer_auth(TOKEN);
        request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    async fn deliver(&self, delivery: &Value) -> reqwest::Result<(StatusCode, Value)> {
        self.post("/registries/320102/demands", delivery).await
    }

    async fn fault(&self, fault: &str, times: Option<u32>) {
        let order = json!({"registry": "320102", "fault": fault, "times": times});
        assert_eq!(self.post("/_sim/faults", &order).await.unwrap().0, StatusCode::OK);
    }

    async fn journal(&self, event: &str) -> Vec<Value> {
        let mut book = self.get("/_sim/journal?registry=320102").await;
        let entries: Vec<Value> = serde_json::from_value(book["entries"].take()).unwrap();
        entries.into_iter().filter(|entry| entry["event"] == event).collect()
    }

    /// Outcomes, once there are `count` of them.
    async fn outcomes(&self, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let answer = self.get("/registries/320102/outcomes?limit=50").await;
            let outcomes = answer["outcomes"].as_array().unwrap().clone();
            if outcomes.len() >= count {
                return outcomes;
            }
            assert!(Instant::now() < deadline, "{count} outcomes wanted, there are {outcomes:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn demand(remarks: &str) -> Value {
    let unit = Uuid::now_v7();
    json!({"demand": {"schema": "xiezhi.demand.v1", "request_id": Uuid::now_v7(), "message_id": Uuid::now_v7(),
        "registry": "320102", "kind": "seizure", "case_number": "（2024）苏0102执1号",
        "debtor": {"name": "甲某某"},
        "unit": {"unit_code": unit}, "period": {"years": 3, "from": "2026-01-01", "to": "2028-12-31"},
        "remarks": remarks}, "documents": []})
}

#[tokio::test]
async fn a_demand_is_taken_once_decided_and_settled() {
    let dir = tempfile::tempdir().unwrap();
    let county = County::within(dir.path()).await;
    let first = demand("");
    let (status, answer) = county.deliver(&first).await.unwrap();
    assert_eq!((status, &answer["status"]), (StatusCode::OK, &json!("taken")));
    assert_eq!(county.deliver(&first).await.unwrap().1, answer, "the same again");
    let mut other = first.clone();
    other["demand"]["remarks"] = json!("x");
    let (status, refusal) = county.deliver(&other).await.unwrap();
    assert_eq!((status, &refusal["code"]), (StatusCode::CONFLICT, &json!("other_body")));
    assert_eq!(county.journal("taken").await.len(), 1);
    assert_eq!(county.journal("duplicate").await.len(), 2);

    // A second seizure of the unit waits.
    let mut second = first.clone();
    second["demand"]["request_id"] = json!(Uuid::now_v7());
    county.deliver(&second).await.unwrap();
    let outcomes = county.outcomes(2).await;
    assert_eq!(outcomes[0]["result"]["registration"]["status"], "formal");
    assert_eq!(outcomes[1]["result"]["registration"]["waiting_position"], 1);
    let path = format!("/registries/320102/outcomes/{}/settled", outcomes[0]["id"].as_str().unwrap());
    assert_eq!(county.post(&path, &json!({})).await.unwrap().1["status"], "settled");
    assert_eq!(county.post(&path, &json!({})).await.unwrap().1["status"], "unknown");

    let id = second["demand"]["request_id"].as_str().unwrap();
    let path = format!("/registries/320102/demands/{id}/void");
    for _ in 0..2 {
        let (_, answer) = county.post(&path, &json!({"reason": "closed"})).await.unwrap();
        assert_eq!(answer["status"], "voided");
    }
    assert!(county.outcomes(0).await.is_empty(), "a void demand has no outcome");
    let book = std::fs::read_to_string(dir.path().join("county.jsonl")).unwrap();
    assert!(!book.contains("甲某某"), "the journal holds no person");
}

#[tokio::test]
async fn a_restart_forgets_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let running = serve(config(dir.path())).await.unwrap();
    let mut county =
        County { base: format!("http://{}", running.address()), client: client(), _running: None };
    let first = demand("");
    let answer = county.deliver(&first).await.unwrap().1;
    let before = county.outcomes(1).await;
    running.stop().await;

    let running = serve(config(dir.path())).await.unwrap();
    county.base = format!("http://{}", running.address());
    assert_eq!(county.outcomes(1).await, before);
    assert_eq!(county.deliver(&first).await.unwrap().1, answer);
    let mut second = first.clone();
    second["demand"]["request_id"] = json!(Uuid::now_v7());
    county.deliver(&second).await.unwrap();
    let after = county.outcomes(2).await;
    assert_eq!(after[1]["result"]["registration"]["waiting_position"], 1, "the register was rebuilt");
    assert_ne!(after[0]["id"], after[1]["id"]);
}

#[tokio::test]
async fn a_demand_of_its_own_link_is_reported_before_its_outcome() {
    let dir = tempfile::tempdir().unwrap();
    let running = serve(config(dir.path())).await.unwrap();
    let mut county =
        County { base: format!("http://{}", running.address()), client: client(), _running: None };
    let unit = Uuid::now_v7();
    let order = |number: &str| {
        json!({"registry": "320102", "number": number, "received_at": "2026-01-05T01:30:00Z", "demand": {
        "kind": "seizure", "case_number": "（2026）苏0102执7号", "units": [{"unit_code": unit}],
        "period": {"years": 3, "from": "2026-01-05", "to": "2029-01-04"}}})
    };
    let (_, held) = county.post("/_sim/local-demands", &order("L-1")).await.unwrap();
    county.post("/_sim/local-demands", &order("L-2")).await.unwrap();
    let unreadable = json!({"registry": "320102", "number": "L-3", "demand": {}});
    assert_eq!(county.post("/_sim/local-demands", &unreadable).await.unwrap().1["code"], "unreadable");
    let offers = county.get("/registries/320102/local-receipts?limit=50").await["local_receipts"].take();
    assert_eq!(offers.as_array().unwrap().len(), 2);
    assert_eq!((&offers[0]["id"], &offers[0]["local"]["number"]), (&held["id"], &json!("L-1")));
    assert_eq!(offers[0]["local"]["received_at"], "2026-01-05T01:30:00Z");
    assert_eq!(offers[0]["demand"], order("L-1")["demand"]);

    // Decided, and not told before the hub has given the request ids.
    let deadline = Instant::now() + Duration::from_secs(10);
    while county.journal("decided").await.len() < 2 {
        assert!(Instant::now() < deadline, "not decided");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(county.outcomes(0).await.is_empty());
    let id = Uuid::now_v7();
    let settled = json!({"verdict": {"is": "recorded", "requests": [{"request_id": id, "unit_index": 1}]}});
    let path = format!("/registries/320102/local-receipts/{}/settled", held["id"].as_str().unwrap());
    assert_eq!(county.post(&path, &settled).await.unwrap().1["status"], "settled");
    assert_eq!(county.post(&path, &settled).await.unwrap().1["status"], "unknown");
    let other = path.replace("0000001", "0000002");
    let refused = json!({"verdict": {"is": "refused", "code": "HUB-3262", "message": "no"}});
    county.post(&other, &refused).await.unwrap();
    let outcomes = county.outcomes(1).await;
    assert_eq!(outcomes.len(), 1, "what the hub refused has no outcome to tell");
    assert_eq!(outcomes[0]["result"]["request_id"], json!(id));
    assert_eq!(outcomes[0]["result"]["registration"]["status"], "formal");
    running.stop().await;

    let running = serve(config(dir.path())).await.unwrap();
    county.base = format!("http://{}", running.address());
    assert_eq!(county.outcomes(1).await, outcomes, "a restart forgets nothing");
    assert_eq!(county.get("/registries/320102/local-receipts").await["local_receipts"], json!([]));
    let shown = county.get("/_sim/local-demands").await;
    assert_eq!(
        shown["registries"]["320102"][1]["verdict"], refused["verdict"],
        "what was refused stays visible"
    );
}

#[tokio::test]
async fn papers_of_the_window_stand_in_the_same_line() {
    let dir = tempfile::tempdir().unwrap();
    let county = County::within(dir.path()).await;
    let first = demand("");
    county.deliver(&first).await.unwrap();
    let id = Uuid::now_v7();
    let order = |ids: &[Uuid]| {
        json!({"registry": "320102", "request_ids": ids, "demand": {
        "kind": "seizure", "case_number": "（2026）苏0102执8号",
        "units": [{"unit_code": first["demand"]["unit"]["unit_code"]}],
        "period": {"years": 3, "from": "2026-01-05", "to": "2029-01-04"}}})
    };
    for wrong in [order(&[]), order(&[id, Uuid::now_v7()])] {
        assert_eq!(county.post("/_sim/window-demands", &wrong).await.unwrap().1["code"], "unreadable");
    }
    for _ in 0..2 {
        assert_eq!(county.post("/_sim/window-demands", &order(&[id])).await.unwrap().1["status"], "held");
    }
    let outcomes = county.outcomes(2).await;
    assert_eq!(outcomes.len(), 2, "filed twice, decided once");
    assert_eq!(outcomes[1]["result"]["request_id"], json!(id));
    assert_eq!(outcomes[1]["result"]["registration"]["waiting_position"], 1);
}

#[tokio::test]
async fn a_conversion_is_told_by_who_wants_it() {
    let dir = tempfile::tempdir().unwrap();
    let running = serve(config(dir.path())).await.unwrap();
    let mut county =
        County { base: format!("http://{}", running.address()), client: client(), _running: None };
    let first = demand("");
    let of_unit = |case: &str, remarks: &str, more: Value| {
        let mut other = first.clone();
        other["demand"]["request_id"] = json!(Uuid::now_v7());
        other["demand"]["case_number"] = json!(case);
        other["demand"]["remarks"] = json!(remarks);
        other["demand"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        other
    };
    let tells = of_unit("（2024）苏0102执2号", "SIM:TELL-CONVERSION", json!({}));
    let restarts = of_unit("（2024）苏0102执3号", "SIM:NEW-PERIOD", json!({}));
    let lift = |case: &str| {
        of_unit("（2024）苏0102执9号", "", json!({"kind": "lifting", "original_case_number": case}))
    };
    for delivery in [&first, &tells, &restarts, &lift("（2024）苏0102执1号"), &lift("（2024）苏0102执2号")]
    {
        county.deliver(delivery).await.unwrap();
    }
    let outcomes = county.outcomes(7).await;
    let waited = |outcome: &Value| outcome["result"]["registration"].clone();
    let told: Vec<&Value> = outcomes.iter().map(|o| &o["conversion"]).filter(|c| !c.is_null()).collect();
    assert_eq!(told.len(), 2, "{outcomes:?}");
    assert_eq!(told[0]["request_id"], tells["demand"]["request_id"]);
    assert_eq!(told[0]["period_to"], waited(&outcomes[1])["period_to"], "the rest of the period runs on");
    assert_eq!(told[1]["request_id"], restarts["demand"]["request_id"]);
    running.stop().await;
    let running = serve(config(dir.path())).await.unwrap();
    county.base = format!("http://{}", running.address());
    assert_eq!(county.outcomes(7).await, outcomes, "a restart forgets nothing");
}

#[tokio::test]
async fn faults_that_show_in_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    let county = County::within(dir.path()).await;
    county.fault("down", Some(1)).await;
    assert_eq!(county.deliver(&demand("")).await.unwrap().0, StatusCode::SERVICE_UNAVAILABLE);
    county.fault("refuse", Some(1)).await;
    assert_eq!(county.deliver(&demand("")).await.unwrap().0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(county.deliver(&demand("SIM:REFUSE")).await.unwrap().1["code"], "not_accepted");
    county.fault("return", Some(1)).await;
    let turned = demand("");
    for _ in 0..2 {
        assert_eq!(county.deliver(&turned).await.unwrap().1["status"], "returned");
    }
    county.fault("half_answer", Some(1)).await;
    assert!(county.deliver(&demand("")).await.unwrap_err().is_decode());
    county.fault("lie_reference", Some(1)).await;
    let lied = demand("");
    let lie = county.deliver(&lied).await.unwrap().1;
    assert_ne!(county.deliver(&lied).await.unwrap().1["reference"], lie["reference"]);
    county.fault("lie_time", Some(1)).await;
    let early = demand("");
    let lie = county.deliver(&early).await.unwrap().1;
    assert!(lie["received_at"].as_str() < county.deliver(&early).await.unwrap().1["received_at"].as_str());
    county.fault("slow_ms:120", Some(1)).await;
    let begun = Instant::now();
    county.deliver(&demand("")).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(120));

    let stored = county.journal("taken").await.len();
    county.fault("store_nothing", Some(1)).await;
    assert_eq!(county.deliver(&demand("")).await.unwrap().1["status"], "taken");
    assert_eq!(county.journal("taken").await.len(), stored);
    county.fault("lose_answer", Some(1)).await;
    let lost = demand("");
    assert!(county.deliver(&lost).await.is_err());
    assert_eq!(county.journal("taken").await.len(), stored + 1);
    assert_eq!(county.deliver(&lost).await.unwrap().1["status"], "taken");
}

#[tokio::test]
async fn a_stalled_county_answers_when_cleared() {
    let dir = tempfile::tempdir().unwrap();
    let county = County::within(dir.path()).await;
    county.fault("stall", None).await;
    let impatient = county
        .client
        .get(format!("{}/registries/320102/health", county.base))
        .bearer_auth(TOKEN)
        .timeout(Duration::from_millis(200));
    assert!(impatient.send().await.unwrap_err().is_timeout());
    let stalled = demand("");
    let (answer, ()) = tokio::join!(county.deliver(&stalled), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(county.journal("taken").await.is_empty());
        county.fault("none", None).await;
    });
    assert_eq!(answer.unwrap().1["status"], "taken");
}

#[tokio::test]
async fn faults_that_show_in_the_outcomes() {
    let dir = tempfile::tempdir().unwrap();
    let county = County::within(dir.path()).await;
    county.fault("twice", Some(1)).await;
    county.deliver(&demand("")).await.unwrap();
    let twice = county.outcomes(2).await;
    assert_eq!(twice[0]["result"], twice[1]["result"]);
    assert_ne!(twice[0]["id"], twice[1]["id"]);
    county.fault("contradict", Some(1)).await;
    county.deliver(&demand("")).await.unwrap();
    let contradicted = county.outcomes(4).await;
    assert!(contradicted[2].get("result").is_some() && contradicted[3].get("return").is_some());
    county.deliver(&demand("SIM:RETURN")).await.unwrap();
    assert_eq!(county.outcomes(5).await[4]["return"]["reasons"], json!(["target_inaccurate"]));

    county.fault("early_result", Some(1)).await;
    let early = demand("");
    let delivery = county.deliver(&early);
    tokio::pin!(delivery);
    let offered = tokio::select! {
        outcomes = county.outcomes(6) => outcomes,
        _ = &mut delivery => panic!("the delivery was answered before its outcome was offered"),
    };
    assert_eq!(offered[5]["result"]["request_id"], early["demand"]["request_id"]);
    let path = format!("/registries/320102/outcomes/{}/settled", offered[5]["id"].as_str().unwrap());
    let nothing = json!({});
    let (settled, answer) = tokio::join!(county.post(&path, &nothing), delivery);
    assert_eq!((settled.unwrap().1["status"].as_str(), answer.unwrap().0), (Some("settled"), StatusCode::OK));
}

#[tokio::test]
async fn strangers_are_turned_away() {
    let dir = tempfile::tempdir().unwrap();
    let registries = Some(["320104".to_owned()].into());
    let running = serve(Config { registries, ..config(dir.path()) }).await.unwrap();
    let county = County { base: format!("http://{}", running.address()), client: client(), _running: None };
    let (status, answer) = county.deliver(&demand("")).await.unwrap();
    assert_eq!((status, &answer["code"]), (StatusCode::NOT_FOUND, &json!("unknown_registry")));
    for path in ["/registries/320104/health", "/_sim/journal"] {
        let naked = county.client.get(format!("{}{path}", county.base)).send().await.unwrap();
        assert_eq!(naked.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(county.get("/registries/320104/health").await["status"], "ok");
}

/// The real process on `dir`, which can die.
fn process(dir: &Path) -> (Child, County) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_county"))
        .arg("--journal")
        .arg(dir)
        .args(["--decide-after-ms", "60000"])
        .env("COUNTY_TOKEN", TOKEN)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let hello: Value = serde_json::from_str(&line).unwrap();
    let base = format!("http://{}", hello["listening"].as_str().unwrap());
    (child, County { base, client: client(), _running: None })
}

#[tokio::test]
async fn a_process_that_dies_keeps_what_it_stored() {
    let dir = tempfile::tempdir().unwrap();
    let (unstored, stored) = (demand(""), demand(""));
    for (fault, delivery) in [("crash_before_store", &unstored), ("crash_after_store", &stored)] {
        let (mut child, county) = process(dir.path());
        county.fault(fault, None).await;
        assert!(county.deliver(delivery).await.is_err());
        assert!(!child.wait().unwrap().success());
    }
    let (mut child, county) = process(dir.path());
    assert!(county.deliver(&demand("SIM:DIE")).await.is_err());
    child.wait().unwrap();

    let (mut child, county) = process(dir.path());
    let taken = county.journal("taken").await;
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0]["request_id"], stored["demand"]["request_id"]);
    let again = county.deliver(&stored).await.unwrap().1;
    assert_eq!(again["reference"], taken[0]["reference"]);
    let kept = demand("");
    county.deliver(&kept).await.unwrap();
    // SIGKILL: whatever was answered is there afterwards.
    child.kill().unwrap();
    child.wait().unwrap();
    let (mut child, county) = process(dir.path());
    assert_eq!(county.journal("taken").await.len(), 2);
    assert_eq!(county.journal("duplicate").await.len(), 1);
    child.kill().unwrap();
    child.wait().unwrap();
}
