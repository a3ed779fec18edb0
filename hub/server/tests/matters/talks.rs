//! R38, R52, R64, R65: consultations, corrections, and whom to call.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;
use xiezhi_schemas::message::OutcomeVerdict;

use crate::{
    road::{audited, code, post, receive, returned, say, seize, unit},
    support::{Hub, answer, sha256},
};

const MINUTES: &[u8] = b"%PDF-1.7 minutes of a talk that nobody had";

#[tokio::test(flavor = "multi_thread")]
async fn a_mismatch_opens_a_consultation_and_people_open_others() {
    let hub = Hub::start("consultations").await;
    let requests = seize(&hub, "court-a", "D1", "京0105", &[unit(1), unit(2)]).await;
    receive(&hub, &requests).await;
    let mismatch = || returned(requests[0], "register_mismatch", &["certificate", "location"]);
    assert_eq!(say(&hub, mismatch()).await, OutcomeVerdict::Effective);
    assert_eq!(say(&hub, mismatch()).await, OutcomeVerdict::Repeated);
    assert_eq!(say(&hub, returned(requests[1], "other", &[])).await, OutcomeVerdict::Effective);
    let page = hub.get("operator", "/v1/consultations?cause=register_mismatch&open=true&province=11").await;
    let items = page.body["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "one for the mismatch, however often it is said, and none for another reason");
    let one = &items[0];
    assert_eq!(one["request_id"], requests[0].to_string().as_str());
    assert!(one["subject"].as_str().unwrap().contains("certificate, location"), "{one}");
    assert_eq!(one["entries"][0]["actor"], "registry 110105");
    let id = one["consultation_id"].as_str().unwrap();

    // The court whose demand it is talks too; others find nothing.
    let note = json!({"text": "已核对证书原件，证号应以登记簿为准"});
    assert_eq!(post(&hub, "court-a", &format!("/v1/consultations/{id}/entries"), &note).await.status, 201);
    assert_eq!(post(&hub, "court-b", &format!("/v1/consultations/{id}/entries"), &note).await.status, 404);
    assert_eq!(hub.get("court-b", "/v1/consultations").await.body["items"], json!([]));

    // Documents are those the writer uploaded; closing needs words, and ends it.
    let document = json!({"text": "附会商纪要，请双方确认", "document": {"sha256": sha256(MINUTES), "name": "纪要.pdf"}});
    let entries = format!("/v1/consultations/{id}/entries");
    assert!(post(&hub, "operator", &entries, &document).await.has("HUB-1303", "/document/sha256"));
    assert_eq!(hub.upload("operator", MINUTES).await.status, 201);
    assert_eq!(post(&hub, "operator", &entries, &document).await.status, 201);
    assert!(post(&hub, "operator", &entries, &json!({"text": "见附件 见附件"})).await.status == 201);
    assert!(post(&hub, "operator", &entries, &json!({"text": "不符合要求"})).await.has("HUB-3323", "/text"));
    let close = format!("/v1/consultations/{id}/close");
    let result = json!({"result": "以登记簿为准，法院更正后重新发出"});
    let closed = post(&hub, "operator", &close, &result).await;
    assert_eq!(closed.status, 200);
    let kinds: Vec<&str> =
        closed.body["entries"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["opened", "note", "document", "note", "closed"]);
    assert_eq!(code(&post(&hub, "operator", &close, &result).await), (409, "HUB-3321"));

    // By people: level and province fit, and only operators open.
    let begin = |level: &str, more: serde_json::Value| {
        let mut body = json!({"level": level, "subject": "月度会商：八省试点运行情况", "text": "汇总各省问题并议定解决办法"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let path = "/v1/consultations";
    assert_eq!(post(&hub, "court-a", path, &begin("national", json!({}))).await.status, 403);
    for (level, more) in [
        ("national", json!({"province": "11"})),
        ("province", json!({})),
        ("province", json!({"province": "99"})),
        ("province", json!({"province": "32", "request_id": requests[0]})),
    ] {
        let refused = post(&hub, "operator", path, &begin(level, more)).await;
        assert_eq!(code(&refused), (422, "HUB-3324"), "{}", refused.body);
    }
    let unknown = begin("province", json!({"request_id": Uuid::now_v7()}));
    assert_eq!(post(&hub, "operator", path, &unknown).await.status, 404);
    assert_eq!(post(&hub, "operator", path, &begin("national", json!({}))).await.status, 201);
    let about = post(&hub, "operator", path, &begin("province", json!({"request_id": requests[1]}))).await;
    assert_eq!(about.body["province"], "11");
    // Pages: one at a time, each once.
    let mut seen = Vec::new();
    let mut next = String::new();
    loop {
        let page = hub.get("operator", &format!("{path}?limit=1{next}")).await;
        seen.extend(
            page.body["items"].as_array().unwrap().iter().map(|i| i["subject"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page.body["next"].as_str() else { break };
        next = format!("&cursor={cursor}");
    }
    assert_eq!(seen.len(), 3);
    assert_eq!(audited(&hub, "consultation.open").await, 2);
    assert_eq!(audited(&hub, "consultation.document").await, 1);
    assert_eq!(audited(&hub, "consultation.closed").await, 1);
}

/// R38 through the ledger: the corrected demand is a new one of the same unit, behind everything received meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_correction_names_what_it_corrects_and_stands_where_its_receipt_puts_it() {
    let hub = Hub::start("corrections").await;
    let (mine, other) = (unit(1), unit(2));
    let old = seize(&hub, "court-a", "A1", "京0105", std::slice::from_ref(&mine)).await[0];
    receive(&hub, &[old]).await;
    let correct = async |who: &str, demand_id: &str, units: &[&String], prior: Uuid| {
        let mut demand = hub.good(who, demand_id).await;
        let one = demand["units"][0].clone();
        demand["units"] = units
            .iter()
            .map(|code| {
                let mut unit = one.clone();
                unit["unit_code"] = json!(code);
                unit
            })
            .collect();
        demand["prior_request_id"] = json!(prior);
        hub.submit(who, &demand).await
    };
    // Not while it stands; then only by its sender, and for its unit.
    assert!(correct("court-a", "A2", &[&mine], old).await.has("HUB-1305", "/prior_request_id"));
    assert_eq!(say(&hub, returned(old, "target_inaccurate", &[])).await, OutcomeVerdict::Effective);
    let meanwhile = seize(&hub, "court-b", "B1", "沪0115", std::slice::from_ref(&mine)).await[0];
    receive(&hub, &[meanwhile]).await;
    assert!(correct("court-b", "B2", &[&mine], old).await.has("HUB-1305", "/prior_request_id"));
    let refused = correct("court-a", "A2", &[&other], old).await;
    assert!(refused.has("HUB-1305", "/prior_request_id"), "{}", refused.body);
    let accepted = correct("court-a", "A2", &[&other, &mine], old).await;
    assert_eq!(accepted.status, 201, "{}", accepted.body);
    let id =
        |at: usize| accepted.body["requests"][at]["request_id"].as_str().unwrap().parse::<Uuid>().unwrap();
    let (first_time, corrected) = (id(0), id(1));
    receive(&hub, &[corrected, first_time]).await;

    // Linked both ways, and only the unit that was returned is a correction.
    let shown = async |request: Uuid| {
        hub.get("court-a", &format!("/v1/demands/{request}")).await.body["requests"][0].clone()
    };
    assert_eq!(shown(old).await["corrected_by"], json!([corrected]));
    assert_eq!(shown(corrected).await["prior_request_id"], old.to_string().as_str());
    assert_eq!(shown(first_time).await.get("prior_request_id"), None);
    let bodies = hub
        .count(&format!(
            "SELECT count(*) FROM request WHERE convert_from(body, 'UTF8')::jsonb->>'prior_request_id' = '{old}'"
        ))
        .await;
    assert_eq!(bodies, 1, "the message itself says it, too");

    let client = hub.store.client().await.unwrap();
    let received = hub::store::disputes::receipts(&**client, &mine, "110105").await.unwrap();
    let order: Vec<Uuid> =
        xiezhi_domain::order::order(&received, None).iter().map(|r| r.request_id).collect();
    assert_eq!(order, [meanwhile, corrected], "the returned place is not kept for the correction");
    assert_eq!(received.len(), 3, "its receipt stays in the ledger");
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_come_from_a_file_and_go_into_one() {
    let hub = Hub::start("contacts").await;
    let header = "province,side,organisation,name,duty,phone,email,valid_from,valid_to\n";
    let file = format!(
        "{header}11,registry,虚构市规自委,虚构人甲,,010-00000000,,2024-02-29,\n\
         11,court,虚构高院执行局,虚构人乙,总协调,010-00000001,,2024-02-29,2024-12-31\n\
         ,court,虚构最高法,虚构人丙,,010-00000002,a@example.invalid,2024-02-29,\n"
    );
    let import = async |who: &str, query: &str, text: &str| {
        let path = format!("/v1/contacts/import{query}");
        answer(hub.request(who, Method::POST, &path).header("content-type", "text/csv").body(text.to_owned()))
            .await
    };
    assert_eq!(import("court-a", "", &file).await.status, 403);
    let counts = |answer: crate::support::Answer| {
        let number = |name: &str| answer.body[name].as_i64().unwrap_or(-1);
        (number("added"), number("changed"), number("unchanged"))
    };
    assert_eq!(counts(import("operator", "?dry_run=true", &file).await), (3, 0, 0));
    assert_eq!(hub.count("SELECT count(*) FROM contact").await, 0, "a dry run writes nothing");
    let bad = format!("{file}32,tax,甲,虚构人丁,,1,,2024-01-01,\n");
    let refused = import("operator", "", &bad).await;
    assert!(refused.has("HUB-3330", "line 5"), "{}", refused.body);
    assert!(!refused.body.to_string().contains("虚构人"), "a refusal names nobody");
    assert_eq!(hub.count("SELECT count(*) FROM contact").await, 0, "whole or not at all");
    assert_eq!(counts(import("operator", "", &file).await), (3, 0, 0));
    let newer = file.replace("010-00000000,,", "010-99999999,,");
    assert_eq!(counts(import("operator", "", &newer).await), (0, 1, 2));

    // Flagged on the day in question; left out if asked.
    let flags = async |query: &str| {
        let page = hub.get("court-a", &format!("/v1/contacts{query}")).await;
        let items = page.body["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["expired"].as_bool().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(flags("?on=2024-12-31").await, [false, false, false]);
    assert_eq!(flags("?on=2025-01-01").await, [false, true, false]);
    assert_eq!(flags("?on=2025-01-01&expired=false&province=11").await, [false]);
    assert_eq!(flags("?side=court&limit=1").await.len(), 1);
    assert_eq!(hub.get("connector-11", "/v1/contacts").await.status, 403);

    let export = async |query: &str| {
        let path = format!("/v1/contacts/export{query}");
        hub.request("operator", Method::GET, &path).send().await.unwrap().text().await.unwrap()
    };
    assert_eq!(export("").await, newer);
    assert_eq!(export("?province=11").await.lines().count(), 3);
    assert_eq!(hub.get("court-a", "/v1/contacts/export").await.status, 403);
    assert_eq!((audited(&hub, "contact.import").await, audited(&hub, "contact.export").await), (2, 2));
}
