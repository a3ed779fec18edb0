//! `connector conformance` as an engineer of a province runs it, against a simulated county that stands for the test system.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{path::Path, process::Output, time::Duration};

use serde_json::{Value, json};
use simulators::county::{Config, Crash, Running, serve};
use tokio::process::Command;

const TOKEN: &str = "certificate-token";

async fn county(dir: &Path) -> Running {
    serve(Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        journal: dir.join("journal"),
        token: TOKEN.into(),
        registries: None,
        decide_after: Duration::ZERO,
        seed: 1,
        crash: Crash::HangUp,
    })
    .await
    .unwrap()
}

/// A folder with the configuration of a connector to this county.
async fn place() -> (tempfile::TempDir, Running) {
    let dir = tempfile::tempdir().unwrap();
    let county = county(dir.path()).await;
    let config = format!(
        "name = 'c-11'\nprovince = '11'\nprovince_key = '{}'\nregistries = ['110105']\nadapter = 'rest'\n\
         [broker]\nurl = 'amqp://xz-province-11:p@127.0.0.1:1/xiezhi'\n[hub]\nurl = 'http://127.0.0.1:1'\ntoken = 't'\n\
         [rest]\nbase_url = 'http://{}'\ntoken = '{TOKEN}'\ntimeout_ms = 2500\n",
        "ab".repeat(32),
        county.address()
    );
    std::fs::write(dir.path().join("c.toml"), config).unwrap();
    (dir, county)
}

async fn connector(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_connector"))
        .args(["conformance", "--config", "c.toml"])
        .args(arguments)
        .current_dir(dir)
        .env("COUNTY_TOKEN", TOKEN)
        .output()
        .await
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_province_gets_its_certificate() {
    let (dir, county) = place().await;
    let said = connector(dir.path(), &[]).await;
    assert!(!said.status.success() && text(&said.stderr).contains("--test-system"), "{}", text(&said.stderr));

    let said = connector(dir.path(), &["--test-system", "--report", "certificate.json"]).await;
    assert!(said.status.success(), "{}{}", text(&said.stdout), text(&said.stderr));
    assert!(text(&said.stdout).contains("PASS CR-03 ") && text(&said.stdout).contains("---- CR-07 "));
    let file = std::fs::read_to_string(dir.path().join("certificate.json")).unwrap();
    let certificate: Value = serde_json::from_str(&file).unwrap();
    assert_eq!((&certificate["passed"], &certificate["complete"]), (&json!(true), &json!(false)));
    assert_eq!(certificate["subject"]["registry"], "110105");
    assert_eq!(certificate["left_behind"], json!([]));
    assert!(!file.contains(TOKEN));

    let base = format!("http://{}", county.address());
    let bench = ["--test-system", "--bench", "county", "--bench-url", &base];
    let said = connector(dir.path(), &[&bench[..], &["--json", "--report", "certificate.md"]].concat()).await;
    assert!(said.status.success(), "{}{}", text(&said.stdout), text(&said.stderr));
    let certificate: Value = serde_json::from_slice(&said.stdout).unwrap();
    let verdict = |id: &str| {
        let rules = certificate["rules"].as_array().unwrap();
        rules.iter().find(|rule| rule["id"] == id).unwrap()["verdict"].clone()
    };
    for id in ["CR-02", "CR-07", "CR-09", "CR-14", "CR-18", "CR-28", "CR-29"] {
        assert_eq!(verdict(id), "passed", "{id}");
    }
    // Nobody here can start a killed county again.
    assert_eq!(verdict("CR-12"), "not_checked");
    let readable = std::fs::read_to_string(dir.path().join("certificate.md")).unwrap();
    assert!(readable.contains("**PASSED as far as it was checked"), "{readable}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_does_not_take_gets_none() {
    let (dir, county) = place().await;
    let order = json!({"registry": "*", "fault": "refuse"});
    rustls::crypto::ring::default_provider().install_default().ok();
    let request = reqwest::Client::new().post(format!("http://{}/_sim/faults", county.address()));
    assert!(request.bearer_auth(TOKEN).json(&order).send().await.unwrap().status().is_success());
    let said = connector(dir.path(), &["--test-system", "--json"]).await;
    assert_eq!(said.status.code(), Some(1), "{}", text(&said.stderr));
    let certificate: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(certificate["passed"], false);
    let first = &certificate["rules"][0];
    assert_eq!((&first["id"], &first["verdict"]), (&json!("CR-01"), &json!("failed")));
    assert!(first["seen"].as_str().unwrap().contains("Refused") && first["change"].is_string());
    assert!(text(&said.stderr).starts_with("FAILED"), "{}", text(&said.stderr));
}
