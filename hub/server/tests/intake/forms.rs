//! The forms of a stored demand and its result, over the API.

use std::{io::Write, process::Stdio};

use serde_json::{Value, json};
use xiezhi_forms::{Form, Wording};

use super::support::{BEIJING, Hub};

/// Accepts a demand and gives its request id.
async fn accepted(hub: &Hub, body: &Value) -> String {
    let answer = hub.submit("court-a", body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["requests"][0]["request_id"].as_str().unwrap().to_owned()
}

/// Records a result that took effect, as the outcomes room does.
async fn register(hub: &Hub, request: &str, registration: &Value) {
    let message = json!({
        "schema": "xiezhi.result.v1", "request_id": request, "registry": "110105", "registration": registration,
    });
    hub.sql(&format!(
        "INSERT INTO outcome (request_id, n, outcome, body, body_sha256, received_at, registered_at, fed_back_at, disposition)
         VALUES ('{request}', 1, 'registered', '{message}', decode(repeat('ab', 32), 'hex'), now(), '{}', now(), 'effective')",
        registration["registered_at"].as_str().unwrap()
    ))
    .await;
}

fn waiting() -> Value {
    json!({
        "status": "waiting", "waiting_position": 2, "business_number": "B-1",
        // Half past midnight of 11 June in China.
        "registered_at": "2024-06-10T16:30:00Z", "period_from": "2024-06-11", "period_to": "2027-06-10",
    })
}

fn pdftotext(pdf: &[u8]) -> String {
    let mut child = std::process::Command::new("pdftotext")
        .args(["-enc", "UTF-8", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("pdftotext is in Debian's package poppler-utils, which ops/install brings");
    child.stdin.take().unwrap().write_all(pdf).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[tokio::test]
async fn a_stored_demand_and_its_result_become_forms() {
    let hub = Hub::start("forms").await;
    let mut body = hub.good("court-a", "d-1").await;
    body["cause"] = json!("甲虚构与张三虚构金融借款合同纠纷");
    let id = accepted(&hub, &body).await;
    let notice = hub.get("court-a", &format!("/v1/demands/{id}/forms/notice")).await;
    assert_eq!(notice.status, 200, "{}", notice.body);
    let view = &notice.body;
    assert_eq!((&view["provisional"], &view["warnings"]), (&json!(true), &json!([])));
    assert_eq!(view["data"]["registry"], "朝阳");
    assert_eq!(view["data"]["property"]["unit_code"], BEIJING);
    assert!(view["text"].as_str().unwrap().contains("查封期限3年，自2090年1月1日起至2092年12月31日止"));

    // No result yet, no receipt.
    let none = hub.get("court-a", &format!("/v1/demands/{id}/forms/receipt")).await;
    assert_eq!((none.status, &none.body["code"]), (409, &json!("HUB-3415")));

    register(&hub, &id, &waiting()).await;
    let receipt = hub.get("court-a", "/v1/demands/d-1/forms/receipt").await;
    assert_eq!(receipt.status, 200, "{}", receipt.body);
    let data: Form = serde_json::from_value(receipt.body["data"].clone()).unwrap();
    assert_eq!(receipt.body["data"]["standing"], "waiting");
    assert_eq!(receipt.body["data"]["date"], "2024-06-11", "the day in China");
    assert_eq!(receipt.body["data"]["period"]["years"], 3);

    let answer = hub
        .request("court-a", reqwest::Method::GET, &format!("/v1/demands/{id}/forms/receipt/pdf"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/pdf");
    let disposition = answer.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert_eq!(disposition, format!("attachment; filename=\"receipt-{id}.pdf\""));
    let text = pdftotext(&answer.bytes().await.unwrap());
    assert!(text.contains("（回执·轮候）"), "{text}");
    assert!(Form::read(&text, &Wording::embedded()).unwrap().says_the_same(&data), "{text}");
}

#[tokio::test]
async fn forms_stand_behind_the_walls_of_their_demand() {
    let hub = Hub::start("form_walls").await;
    let mut body = hub.good("court-a", "d-1").await;
    body["cause"] = json!("甲虚构与张三虚构金融借款合同纠纷");
    let mut second = body["units"][0].clone();
    second["unit_code"] = json!("110105001001GB00001F00010002");
    body["units"].as_array_mut().unwrap().push(second);
    let id = accepted(&hub, &body).await;
    for tail in ["", "/pdf"] {
        for (who, path, status) in [
            ("court-a", format!("{id}/forms/notice"), 200),
            ("operator", format!("{id}/forms/notice"), 200),
            ("operator", "d-1/forms/notice?unit=2".to_owned(), 200),
            ("court-b", format!("{id}/forms/notice"), 404),
            ("connector-11", format!("{id}/forms/notice"), 403),
            ("court-a", format!("{id}/forms/ruling"), 404),
            ("court-a", "d-1/forms/notice".to_owned(), 400),
            ("court-a", "d-1/forms/notice?unit=2".to_owned(), 200),
            ("court-a", "d-1/forms/notice?unit=3".to_owned(), 404),
            ("court-a", "d-1/forms/notice?unit=2&colour=red".to_owned(), 400),
        ] {
            let path = match path.split_once('?') {
                None => format!("/v1/demands/{path}{tail}"),
                Some((path, query)) => format!("/v1/demands/{path}{tail}?{query}"),
            };
            assert_eq!(hub.get(who, &path).await.status, status, "{who} {path}");
        }
    }
    let changed = hub.request("court-a", reqwest::Method::POST, &format!("/v1/demands/{id}/forms/notice"));
    assert_eq!(changed.send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn what_a_demand_lacks_for_its_form_is_named() {
    let hub = Hub::start("form_lacks").await;
    let id = accepted(&hub, &hub.good("court-a", "d-1").await).await;
    for tail in ["", "/pdf"] {
        let refused = hub.get("court-a", &format!("/v1/demands/{id}/forms/notice{tail}")).await;
        assert_eq!((refused.status, &refused.body["code"]), (422, &json!("HUB-3401")), "{}", refused.body);
        assert!(refused.has("HUB-3401", "/cause"), "{}", refused.body);
    }
    // A registry that gives no period: R55.
    let mut registration = waiting();
    registration.as_object_mut().unwrap().remove("period_to");
    register(&hub, &id, &registration).await;
    let refused = hub.get("court-a", &format!("/v1/demands/{id}/forms/receipt")).await;
    assert!(refused.has("HUB-3404", "/period"), "{}", refused.body);
}

/// R73: the day on the notice is compared with the day on which the hub knows the seizure to be registered.
#[tokio::test]
async fn a_lifting_of_another_day_is_flagged() {
    let hub = Hub::start("form_lifting").await;
    let mut seizure = hub.good("court-a", "d-1").await;
    seizure["cause"] = json!("甲虚构与张三虚构金融借款合同纠纷");
    let id = accepted(&hub, &seizure).await;
    register(&hub, &id, &waiting()).await;
    for (demand, day, codes) in [("d-2", "2024-06-11", vec![]), ("d-3", "2024-06-10", vec!["HUB-3408"])] {
        let mut lifting = seizure.clone();
        lifting["demand_id"] = json!(demand);
        lifting["kind"] = json!("lifting");
        lifting.as_object_mut().unwrap().remove("period");
        lifting["original_case_number"] = lifting["case_number"].clone();
        lifting["original_seizure_date"] = json!(day);
        let id = accepted(&hub, &lifting).await;
        let view = hub.get("court-a", &format!("/v1/demands/{id}/forms/notice")).await;
        assert_eq!(view.status, 200, "{}", view.body);
        let found: Vec<&str> = view.body["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["code"].as_str().unwrap())
            .collect();
        assert_eq!(found, codes, "{day}");
    }
}

/// R61: a court without permission may not send scans in place of electronic seals; the permission is a setting.
#[tokio::test]
async fn scans_are_taken_only_from_courts_that_may() {
    let hub = Hub::start("form_scans").await;
    let mut body = hub.good("court-a", "d-1").await;
    body["attachments"][1]["seal"] = json!("colour_scan");
    let refused = hub.submit("court-a", &body).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.problems(), [("HUB-3421".to_owned(), "/attachments/1/seal".to_owned())]);
    assert_eq!(hub.rows().await, [0; 5], "nothing is half done");

    let permitted = Hub::permitting_scans("form_scans_permitted", "320102, 京0105").await;
    assert_eq!(permitted.upload("court-a", super::support::PDF).await.status, 201);
    assert_eq!(permitted.submit("court-a", &body).await.status, 201);
}

/// R61: scans are counted by organisation, each document once however many units its demand names; the numbers are those of
/// the demands as they were sent.
#[tokio::test]
async fn scans_are_counted_in_reports() {
    let hub = Hub::permitting_scans("form_scans_counted", "沪0115, 京0105").await;
    let mut expected = std::collections::BTreeMap::<&str, (i64, i64)>::new();
    for (number, court, scans, units) in
        [("d-1", "京0105", 0, 1), ("d-2", "京0105", 1, 2), ("d-3", "京0105", 3, 1), ("d-4", "沪0115", 2, 2)]
    {
        let mut body = hub.good("court-a", number).await;
        body["court"]["code"] = json!(court);
        body["case_number"] = json!(format!("（2024）{court}执1号"));
        // Words in a text are no scan.
        body["remarks"] = json!("\"seal\": \"colour_scan\"");
        let papers = body["attachments"].as_array_mut().unwrap();
        papers.iter_mut().take(scans).for_each(|paper| paper["seal"] = json!("colour_scan"));
        if units == 2 {
            let mut other = body["units"][0].clone();
            other["unit_code"] = json!("110105001001GB00001F00010002");
            body["units"].as_array_mut().unwrap().push(other);
        }
        let answer = hub.submit("court-a", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        if scans > 0 {
            let sum = expected.entry(court).or_default();
            *sum = (sum.0 + 1, sum.1 + i64::try_from(scans).unwrap());
        }
    }
    let report = hub.get("operator", "/v1/reports/summary?from=2020-01-01&to=2999-01-01").await.body;
    let counted: std::collections::BTreeMap<&str, (i64, i64)> = report["scans_by_organisation"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            let number = |name: &str| line[name].as_i64().unwrap();
            (line["organisation"].as_str().unwrap(), (number("demands"), number("documents")))
        })
        .collect();
    assert_eq!(counted, expected);
    let elsewhere = "/v1/reports/summary?from=2020-01-01&to=2999-01-01&province=32";
    assert_eq!(hub.get("operator", elsewhere).await.body["scans_by_organisation"], json!([]));
}
