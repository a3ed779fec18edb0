//! R53: evidence frozen, the superior court named from the table, no order changed without its document.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use xiezhi_domain::order;
use xiezhi_schemas::message::OutcomeVerdict;

use crate::{
    road::{audited, code, post, receive, registered, returned, say, seize, told, unit},
    support::{Hub, sha256},
};

const JUDGMENT: &[u8] = b"%PDF-1.7 a decision on the order by a court that does not exist";
const REASON: &str = "京0105 与沪0115 对同一不动产单元的查封顺位有异议";

struct Scene {
    hub: Hub,
    first: Uuid,
    second: Uuid,
    third: Uuid,
}

/// Three courts on one unit, in this order: 京0105 and 苏0102 by one sender, 沪0115 by another in the middle.
async fn scene(name: &str) -> Scene {
    let hub = Hub::start(name).await;
    let unit = [unit(7)];
    let first = seize(&hub, "court-a", "A1", "京0105", &unit).await[0];
    let second = seize(&hub, "court-b", "B1", "沪0115", &unit).await[0];
    let third = seize(&hub, "court-a", "A22", "苏0102", &unit).await[0];
    receive(&hub, &[first, second, third]).await;
    Scene { hub, first, second, third }
}

async fn open(hub: &Hub, who: &str, requests: &[Uuid]) -> crate::support::Answer {
    post(hub, who, "/v1/disputes", &json!({"request_ids": requests, "reason": REASON})).await
}

/// Held against the file that is handed out, by a reader of schemas that knows no type of ours.
fn fits_the_published_schema(evidence: &Value) {
    let (_, text) =
        xiezhi_schemas::published::SCHEMAS.iter().find(|(name, _)| *name == "dispute-evidence").unwrap();
    let schema: Value = serde_json::from_str(text).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let wrong: Vec<String> = validator.iter_errors(evidence).map(|error| error.to_string()).collect();
    assert_eq!(wrong, [""; 0]);
}

fn decision(by: &str, order: &[Uuid]) -> Value {
    json!({"decided_by": by, "decided_on": "2026-01-05", "document_number": "（2026）最高法执协7号",
        "document": {"sha256": sha256(JUDGMENT), "name": "决定书.pdf"}, "order": order})
}

/// The order now, as any reader computes it.
async fn order_now(hub: &Hub) -> Vec<Uuid> {
    let client = hub.store.client().await.unwrap();
    let (unit, registry) = (unit(7), "110105");
    let decided = hub::store::disputes::in_force(&**client, &unit, registry).await.unwrap();
    let received = hub::store::disputes::receipts(&**client, &unit, registry).await.unwrap();
    order::order(&received, decided.as_ref()).iter().map(|r| r.request_id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_freezes_its_evidence_and_names_the_superior_court() {
    let Scene { hub, first, second, third } = scene("dispute_open").await;
    // A court disputes for its own demands, and only where somebody else stands.
    assert_eq!(code(&open(&hub, "court-a", &[first, second]).await).0, 404);
    assert_eq!(code(&open(&hub, "court-a", &[Uuid::now_v7()]).await).0, 404);
    assert_eq!(code(&open(&hub, "connector-11", &[first]).await).0, 403);
    let alone = seize(&hub, "court-a", "A333", "京0105", &[unit(8)]).await[0];
    receive(&hub, &[alone]).await;
    assert_eq!(code(&open(&hub, "court-a", &[alone]).await), (422, "HUB-3320"));
    assert_eq!(code(&open(&hub, "operator", &[first, alone]).await), (422, "HUB-3320"));
    let empty = json!({"request_ids": [first], "reason": "不符合要求"});
    assert!(post(&hub, "court-a", "/v1/disputes", &empty).await.has("HUB-3323", "/reason"));
    assert_eq!(hub.count("SELECT count(*) FROM dispute").await, 0);

    let opened = open(&hub, "court-a", &[first]).await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    assert_eq!(opened.body["superior"], json!({"is": "court", "code": "最高法"}));
    assert_eq!(opened.body["superior_name"], "最高人民法院");
    // The others became parties by themselves; of another court's demand only court and place are seen.
    let parties = opened.body["parties"].as_array().unwrap();
    let seen: Vec<(&Value, &str)> =
        parties.iter().map(|p| (&p["place"], p["court_code"].as_str().unwrap())).collect();
    assert_eq!(seen, [(&json!(1), "京0105"), (&json!(2), "沪0115"), (&json!(3), "苏0102")]);
    assert_eq!(parties[1].get("request_id"), None);
    assert_eq!(parties[2]["request_id"], third.to_string().as_str());

    // Frozen: what happens later is not in it, and its digest stands in the audit's chain.
    let id = opened.body["dispute_id"].as_str().unwrap();
    let path = format!("/v1/disputes/{id}/evidence");
    let frozen =
        hub.request("operator", reqwest::Method::GET, &path).send().await.unwrap().bytes().await.unwrap();
    let digest = hex::encode(Sha256::digest(&frozen));
    assert_eq!(opened.body["evidence_sha256"], digest.as_str());
    assert_eq!(
        hub.count(&format!("SELECT count(*) FROM inv_audit WHERE object LIKE '%evidence {digest}'")).await,
        1
    );
    assert_eq!(say(&hub, registered(first)).await, OutcomeVerdict::Effective);
    let again =
        hub.request("operator", reqwest::Method::GET, &path).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(frozen, again);
    let evidence: Value = serde_json::from_slice(&frozen).unwrap();
    fits_the_published_schema(&evidence);
    assert_eq!(evidence["schema"], "xiezhi.dispute-evidence.v1");
    assert_eq!(evidence["ledger_head"]["size"], 4);
    let lines = evidence["requests"].as_array().unwrap();
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line["state"] == "delivered" && line["receipt"]["hash"].is_string()));
    assert_eq!(lines[0]["states"].as_array().unwrap().len(), 2);
    assert!(!String::from_utf8_lossy(&frozen).contains("虚构"), "no person stands in the evidence");
    assert_eq!(hub.get("court-a", &path).await.status, 403);
    assert_eq!(audited(&hub, "dispute.evidence").await, 2);
    // Not even the owner of the tables changes it.
    let client = hub.store.client().await.unwrap();
    for statement in [
        "UPDATE dispute SET evidence = ''",
        "DELETE FROM matter_entry",
        "UPDATE order_decision SET decided_by = ''",
    ] {
        assert!(client.execute(statement, &[]).await.is_err(), "{statement}");
    }

    // Both courts find it, a stranger does not.
    for (who, found) in [("court-a", 1), ("court-b", 1), ("operator", 1)] {
        let page = hub.get(who, &format!("/v1/disputes?unit={}&open=true", unit(7))).await;
        assert_eq!(page.body["items"].as_array().unwrap().len(), found, "{who}");
    }
    assert_eq!(hub.get("operator", "/v1/disputes?registry=320102").await.body["items"], json!([]));
    let note = json!({"text": "已电话通知双方承办人并告知程序"});
    assert_eq!(post(&hub, "court-b", &format!("/v1/disputes/{id}/entries"), &note).await.status, 201);
    assert_eq!(order_now(&hub).await, [first, second, third], "a dispute moves nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_superior_courts_document_moves_anybody() {
    let Scene { hub, first, second, third } = scene("dispute_order").await;
    let opened = open(&hub, "operator", &[first, second]).await;
    let id = opened.body["dispute_id"].as_str().unwrap().to_owned();
    let order = format!("/v1/disputes/{id}/order");
    let decided = [second, first, third];

    let refused = async |who: &str, body: Value, status: u16, wanted: &str| {
        let answer = post(&hub, who, &order, &body).await;
        assert_eq!(code(&answer), (status, wanted), "{}", answer.body);
        assert_eq!(order_now(&hub).await, [first, second, third]);
    };
    refused("court-a", decision("最高法", &decided), 403, "HUB-1002").await;
    // Without its document, by a court that is not above all, with a wrong list or a date to come.
    refused("operator", decision("最高法", &decided), 422, "HUB-1303").await;
    assert_eq!(hub.upload("operator", JUDGMENT).await.status, 201);
    for court in ["京", "京03", "沪0115"] {
        refused("operator", decision(court, &decided), 422, "HUB-3322").await;
    }
    refused("operator", decision("最高法", &[second, first]), 422, "HUB-3322").await;
    refused("operator", decision("最高法", &[second, first, third, Uuid::now_v7()]), 422, "HUB-3322").await;
    refused("operator", decision("最高法", &[second, second, first, third]), 422, "HUB-3322").await;
    let mut later = decision("最高法", &decided);
    later["decided_on"] = json!("2999-01-01");
    refused("operator", later, 422, "HUB-3322").await;

    // Somebody who comes meanwhile keeps his place behind them.
    let late = seize(&hub, "court-b", "B4444", "浙0192", &[unit(7)]).await[0];
    receive(&hub, &[late]).await;
    let answer = post(&hub, "operator", &order, &decision("最高法", &decided)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert!(!answer.body["closed_at"].is_null());
    assert_eq!(answer.body["decisions"][0]["document_sha256"], sha256(JUDGMENT).as_str());
    assert_eq!(order_now(&hub).await, [second, first, third, late]);
    // Those who moved have an event each, those who stayed have none; every party is told its own places.
    let moved = hub
        .count(
            "SELECT count(*) FROM inv_event WHERE kind = 'order_changed' AND detail->>'decided_by' = '最高法'
             AND detail->>'document_number' = '（2026）最高法执协7号' AND detail->>'recorded_by' = 'operator'",
        )
        .await;
    assert_eq!(moved, 2);
    assert_eq!(told(&hub, "court-b", second).await, ["delivered", "dispute_opened", "order_decided"]);
    assert_eq!(told(&hub, "court-a", third).await, ["delivered", "dispute_opened", "order_decided"]);
    assert_eq!(told(&hub, "court-b", late).await, ["delivered"]);
    assert_eq!(audited(&hub, "dispute.order_decided").await, 1);
    // A court sees of the order its own demands only.
    let seen = hub.get("court-b", &format!("/v1/disputes/{id}")).await;
    assert_eq!(seen.body["decisions"][0]["order"], json!([second]));

    // Closed is closed.
    assert_eq!(code(&post(&hub, "operator", &order, &decision("最高法", &decided)).await), (409, "HUB-3321"));
    let note = json!({"text": "决定作出之后再补充一条说明"});
    let late_note = post(&hub, "court-a", &format!("/v1/disputes/{id}/entries"), &note).await;
    assert_eq!(code(&late_note), (409, "HUB-3321"));

    // A return takes the rank, decision or not; the receipts themselves never changed.
    assert_eq!(say(&hub, returned(first, "target_inaccurate", &[])).await, OutcomeVerdict::Effective);
    assert_eq!(order_now(&hub).await, [second, third, late]);
    assert_eq!(hub.count("SELECT count(*) FROM inv_receipt").await, 4);
}

/// R53 through the queue: the decided places with the document that gave them; who comes later stands behind, by receipt.
#[tokio::test(flavor = "multi_thread")]
async fn the_queue_shows_a_decided_order_and_its_document() {
    let Scene { hub, first, second, third } = scene("dispute_queue").await;
    let path = format!("/v1/units/{}/queue", unit(7));
    let before = hub.get("operator", &path).await.body;
    assert!(before["items"].as_array().unwrap().iter().all(|line| line["decided"].is_null()));
    assert_eq!(before["turn"]["place"], 1);

    let opened = open(&hub, "court-a", &[third]).await;
    let id = opened.body["dispute_id"].as_str().unwrap();
    assert_eq!(hub.get("operator", &path).await.body, before, "a dispute alone changes nothing");
    assert_eq!(hub.upload("operator", JUDGMENT).await.status, 201);
    let order = format!("/v1/disputes/{id}/order");
    let decided = post(&hub, "operator", &order, &decision("最高法", &[third, first, second])).await;
    assert_eq!(decided.status, 201, "{}", decided.body);
    let late = seize(&hub, "court-b", "B4444", "浙0192", &[unit(7)]).await[0];
    receive(&hub, &[late]).await;

    let queue = hub.get("operator", &path).await.body;
    let line = |line: &Value| {
        let id: Uuid = line["demand"]["request_id"].as_str().unwrap().parse().unwrap();
        (line["place"].as_u64().unwrap(), id, line["decided"]["place_by_receipt"].as_u64())
    };
    let lines = queue["items"].as_array().unwrap();
    let seen: Vec<_> = lines.iter().map(line).collect();
    assert_eq!(seen, [(1, third, Some(3)), (2, first, Some(1)), (3, second, Some(2)), (4, late, None)]);
    for line in &lines[..3] {
        assert_eq!(line["decided"]["document_sha256"], sha256(JUDGMENT).as_str(), "{line}");
        assert_eq!(
            (&line["decided"]["dispute_id"], &line["decided"]["decided_by"]),
            (&json!(id), &json!("最高法"))
        );
        let why = line["why"].as_str().unwrap();
        assert!(why.contains("placed by （2026）最高法执协7号 of 最高法, 2026-01-05"), "{why}");
    }
    assert!(lines[0]["why"].as_str().unwrap().contains("正式 if the order is followed"), "{}", lines[0]);
    assert!(!lines[3]["why"].as_str().unwrap().contains("placed by"), "{}", lines[3]);
    // What is next follows the decided order.
    assert_eq!(queue["turn"], json!({"place": 1, "kind": "seizure", "position": "正式"}));

    // Page by page it is the same list, also when the line that a page ended with loses its place meanwhile.
    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = hub.get("operator", &format!("{path}?limit=1{cursor}")).await.body;
        paged.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(json!(paged), queue["items"]);
    let page = hub.get("operator", &format!("{path}?limit=1")).await.body;
    assert_eq!(say(&hub, returned(third, "target_inaccurate", &[])).await, OutcomeVerdict::Effective);
    let rest = format!("{path}?cursor={}", page["next"].as_str().unwrap());
    let rest = hub.get("operator", &rest).await.body;
    let ids: Vec<_> =
        rest["items"].as_array().unwrap().iter().map(|l| l["demand"]["request_id"].clone()).collect();
    assert_eq!(ids, [json!(first), json!(second), json!(late), json!(third)]);

    // A court sees the decision on its own demands; of another court's nothing is said.
    let seen = hub.get("court-b", &path).await.body;
    let own: Vec<_> =
        seen["items"].as_array().unwrap().iter().map(|l| l["decided"]["decided_by"].clone()).collect();
    assert_eq!(own, [json!("最高法"), Value::Null]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_court_is_said_and_a_dispute_may_end_without_a_decision() {
    let hub = Hub::start("dispute_unknown").await;
    let unit = [unit(7)];
    let first = seize(&hub, "court-a", "A1", "冀0102", &unit).await[0];
    let second = seize(&hub, "court-b", "B1", "沪0115", &unit).await[0];
    receive(&hub, &[second, first]).await;
    let opened = open(&hub, "court-a", &[first]).await;
    assert_eq!(opened.body["superior"], json!({"is": "unknown", "missing": ["冀0102"]}));
    assert!(opened.body["advice"].as_str().unwrap().contains("HUB-3325"));
    let id = opened.body["dispute_id"].as_str().unwrap();
    // 最高法 is above every court, whatever the table lacks; nobody else may here.
    assert_eq!(hub.upload("operator", JUDGMENT).await.status, 201);
    let order = format!("/v1/disputes/{id}/order");
    assert_eq!(
        code(&post(&hub, "operator", &order, &decision("冀", &[first, second])).await),
        (422, "HUB-3322")
    );
    let close = format!("/v1/disputes/{id}/close");
    assert!(
        post(&hub, "operator", &close, &json!({"result": "　　　　　"})).await.has("HUB-3323", "/result")
    );
    assert_eq!(post(&hub, "court-a", &close, &json!({"result": "双方协商一致，异议撤回"})).await.status, 403);
    assert_eq!(
        post(&hub, "operator", &close, &json!({"result": "双方协商一致，异议撤回"})).await.status,
        200
    );
    assert_eq!(
        code(&post(&hub, "operator", &order, &decision("最高法", &[first, second])).await),
        (409, "HUB-3321")
    );
    assert_eq!(order_now(&hub).await, [second, first]);
    assert_eq!(hub.count("SELECT count(*) FROM inv_event WHERE kind = 'order_changed'").await, 0);
}
