//! Refusals: a coded error at its place, all of them at once, and nothing written.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Hub, answer, demand};

#[tokio::test]
async fn all_problems_of_a_body_come_in_one_answer() {
    let hub = Hub::start("all").await;
    let mut body = demand("d-1");
    body["extra"] = json!(1);
    body["units"][0]["unit_code"] = json!("110105001001GB00001F0001000");
    body["case_number"] = json!("(2024)京0105执1234号");
    body["officers"][0]["kind"] = json!("badge");
    body["contact"]["phone"] = json!(13800000000_i64);
    body["debtor"].as_object_mut().unwrap().remove("name");
    body["period"] = Value::Null;
    body["attachments"].as_array_mut().unwrap().remove(1);
    let refused = hub.submit("court-a", &body).await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert_eq!(refused.body["code"], "HUB-1100");
    for (code, path) in [
        ("HUB-1103", "/extra"),
        ("HUB-1110", "/units/0/unit_code"),
        ("HUB-1110", "/case_number"),
        ("HUB-1106", "/officers/0/kind"),
        ("HUB-1104", "/contact/phone"),
        ("HUB-1105", "/debtor/name"),
        ("HUB-1201", "/period"),
        ("HUB-1211", "/attachments"),
        ("HUB-1303", "/attachments/0/sha256"),
    ] {
        assert!(refused.has(code, path), "{code} {path} is missing in {:#}", refused.body);
    }
    assert_eq!(refused.problems().len(), 10, "{:#}", refused.body);
    let case =
        refused.body["problems"].as_array().unwrap().iter().find(|p| p["path"] == "/case_number").unwrap();
    assert_eq!(case["level"], "format");
    assert!(case["hint"].as_str().unwrap().contains("（2024）京0105执1234号"));
    assert_eq!(hub.rows().await, [0; 5]);
}

#[tokio::test]
async fn no_refusal_repeats_a_person() {
    let hub = Hub::start("persons").await;
    let mut body = demand("d-1");
    body["debtor"] = json!({"name": ["赵六秘密"], "document_kind": "resident_id", "document_number": "110105190303079510"});
    body["contact"]["phone"] = json!("一三八秘密");
    body["units"][0]["location"] = json!("秘密路".repeat(200));
    let refused = hub.submit("court-a", &body).await;
    assert_eq!(refused.status, 422);
    let text = refused.body.to_string();
    assert!(!text.contains("秘密") && !text.contains("110105190303079510"), "{text}");
}

#[tokio::test]
async fn each_mistake_has_its_code_and_place() {
    let hub = Hub::start("each").await;
    let good = hub.good("court-a", "d-1").await;
    let with = |path: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(path).unwrap_or_else(|| panic!("{path}")) = value;
        body
    };
    let mut prior = good.clone();
    prior["prior_request_id"] = json!("018f0000-0000-7000-8000-000000000000");
    let mut lifting = with("/kind", json!("lifting"));
    lifting["original_seizure_date"] = json!("2024-02-30");
    let cases = [
        // R2: the province does not take part; R3: its time is over.
        (with("/units/0/unit_code", json!("440103001001GB00001F00010001")), "HUB-1301", "/units/0/unit_code"),
        (with("/units/0/unit_code", json!("330106001001GB00001F00010001")), "HUB-1301", "/units/0/unit_code"),
        (with("/units/0/unit_code", json!("110101001001GB00001F00010001")), "HUB-1302", "/units/0/unit_code"),
        (with("/units/0/unit_code", json!(1)), "HUB-1104", "/units/0/unit_code"),
        (with("/kind", json!(7)), "HUB-1104", "/kind"),
        (with("/kind", json!("freeze")), "HUB-1106", "/kind"),
        (with("/version", json!("2.0")), "HUB-1106", "/version"),
        (with("/demand_id", json!("a b")), "HUB-1106", "/demand_id"),
        (with("/units", json!([])), "HUB-1106", "/units"),
        (with("/period/to", json!("2026-02-30")), "HUB-1106", "/period/to"),
        (with("/period/years", json!("3")), "HUB-1104", "/period/years"),
        (with("/attachments/0/sha256", json!("0".repeat(64))), "HUB-1303", "/attachments/0/sha256"),
        (with("/attachments/0/sha256", json!("0")), "HUB-1106", "/attachments/0/sha256"),
        (with("/attachments/0/size", json!(1)), "HUB-1304", "/attachments/0/size"),
        (with("/attachments/1/media_type", json!("image/png")), "HUB-1304", "/attachments/1/media_type"),
        (with("/attachments/1/media_type", json!("text/html")), "HUB-1106", "/attachments/1/media_type"),
        (prior, "HUB-1305", "/prior_request_id"),
        (lifting, "HUB-1106", "/original_seizure_date"),
    ];
    for (body, code, path) in cases {
        let refused = hub.submit("court-a", &body).await;
        assert_eq!(refused.status, 422, "{code} {path}: {}", refused.body);
        assert!(refused.has(code, path), "{code} {path}: {:#}", refused.body);
    }
    // Documents of another court are as if they were not there.
    assert!(hub.submit("court-b", &good).await.has("HUB-1303", "/attachments/0/sha256"));
    assert_eq!(hub.rows().await, [0; 5]);
}

#[tokio::test]
async fn only_a_request_that_is_over_can_be_corrected() {
    let hub = Hub::start("prior").await;
    let body = hub.good("court-a", "d-1").await;
    let first = hub.submit("court-a", &body).await;
    let id = first.body["requests"][0]["request_id"].clone();
    let mut new = body.clone();
    new["demand_id"] = json!("d-2");
    new["prior_request_id"] = id.clone();
    assert!(hub.submit("court-a", &new).await.has("HUB-1305", "/prior_request_id"));
    hub.sql("UPDATE request SET state = 'returned', state_n = 2").await;
    assert_eq!(hub.submit("court-a", &new).await.status, 201);
    hub.good("court-b", "d-2").await;
    assert!(hub.submit("court-b", &new).await.has("HUB-1305", "/prior_request_id"));
}

#[tokio::test]
async fn what_is_not_plain_json_is_refused_as_such() {
    let hub = Hub::start("json").await;
    let good = demand("d-1").to_string();
    let doubled = good.replacen('{', r#"{"k\u0069nd":"lifting","#, 1);
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let cases: Vec<(Vec<u8>, u16, &str)> = vec![
        (doubled.into_bytes(), 400, "HUB-1102"),
        (deep[..90_000].to_vec(), 400, "HUB-1101"),
        (format!("{good} {good}").into_bytes(), 400, "HUB-1101"),
        (format!("\u{feff}{good}").into_bytes(), 400, "HUB-1101"),
        (good.replace("张三虚构", "\\u0000").into_bytes(), 400, "HUB-1101"),
        (good.replace("张三虚构", "\\ud800").into_bytes(), 400, "HUB-1101"),
        (good.replace("\"years\":3", "\"years\":1e400").into_bytes(), 400, "HUB-1101"),
        (
            good.replace("\"110105001001GB00001F00010001\"", "1234567890123456789012345678").into_bytes(),
            422,
            "HUB-1104",
        ),
        (b"[]".to_vec(), 422, "HUB-1104"),
        (b"".to_vec(), 400, "HUB-1101"),
        (vec![b' '; 100_001], 413, "HUB-1004"),
    ];
    for (body, status, code) in cases {
        let start = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let refused = hub.submit_text("court-a", body).await;
        assert_eq!((refused.status, refused.body["code"].as_str()), (status, Some(code)), "{start}");
    }
    let request = hub.request("court-a", Method::POST, "/v1/demands").header("content-type", "text/plain");
    assert_eq!(answer(request.body(good)).await.status, 415);
    assert_eq!(hub.rows().await, [0; 5]);
}

#[tokio::test]
async fn credentials_roles_and_rates_hold() {
    let hub = Hub::with("gate", "rate_per_second = 1\nrate_burst = 5").await;
    let nobody = reqwest::Client::new();
    for (token, status) in [(None, 401), (Some("wrong"), 401)] {
        let mut request = nobody.get(format!("{}/v1/demands", hub.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        assert_eq!(answer(request).await.status, status);
    }
    assert_eq!(hub.get("connector-11", "/v1/demands").await.status, 403);
    assert_eq!(hub.submit("operator", &demand("d-1")).await.status, 403);
    let who = hub.get("connector-11", "/v1/whoami").await;
    assert_eq!((who.body["role"].as_str(), who.body["province"].as_str()), (Some("connector"), Some("11")));
    assert_eq!(who.body["key_fingerprint"].as_str().map(str::len), Some(16));
    let sends = futures::future::join_all((0..8).map(|_| hub.get("court-a", "/v1/whoami"))).await;
    assert!(sends.iter().any(|a| a.status == 429 && a.body["code"] == "HUB-1003"));
    assert_eq!(hub.get("court-b", "/v1/whoami").await.status, 200, "one court's haste is no other's");
    assert_eq!(hub.get("court-b", "/v1/nothing").await.status, 404);
    assert_eq!(answer(nobody.delete(format!("{}/healthz", hub.url))).await.status, 405);
}

/// The published examples get the answers that their manifests promise.
#[tokio::test]
async fn published_examples_are_answered_as_promised() {
    let hub = Hub::start("examples").await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/examples");
    let read = |path: String| std::fs::read_to_string(format!("{folder}/{path}")).unwrap();
    let manifest = |kind: &str| -> Vec<Value> {
        let all: Vec<Value> = serde_json::from_str(&read(format!("{kind}/manifest.json"))).unwrap();
        all.into_iter().filter(|example| example["schema"] == "submission").collect()
    };
    for example in manifest("refused") {
        let file = example["file"].as_str().unwrap();
        let refused = hub.submit_text("court-a", read(format!("refused/{file}"))).await;
        let (code, path) = (example["code"].as_str().unwrap(), example["path"].as_str().unwrap());
        assert!(refused.has(code, path), "{file}: {:#}", refused.body);
        // Beside its one mistake it lacks only the documents, which were never uploaded.
        let others = refused.problems().into_iter().filter(|(other, _)| other != code && other != "HUB-1303");
        assert_eq!(others.collect::<Vec<_>>(), [], "{file}");
    }
    // The documents were never uploaded, a division has no registry in this directory, and no court may seal by scan.
    let missing_here = ["HUB-1303", "HUB-1305", "HUB-3421"];
    for example in manifest("accepted") {
        let file = example["file"].as_str().unwrap();
        let answer = hub.submit_text("court-a", read(format!("accepted/{file}"))).await;
        let others = answer.problems().into_iter().filter(|(code, _)| !missing_here.contains(&code.as_str()));
        assert_eq!(others.collect::<Vec<_>>(), [], "{file}");
    }
}
