//! Withdrawals, mismatches and corrections on the whole road: real hub, connector, broker, database and county.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use harness::world::{Court, World, demand, unit_code};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use support::{SOON, assert_gapless, count, states, told};
use uuid::Uuid;
use xiezhi_schemas::message::Kind;

const LETTER: &[u8] = b"%PDF-1.7 the sealed letter of a court that does not exist";

/// Uploads the letter and asks for withdrawal.
async fn ask(court: &Court, request: Uuid, reason: &str) -> harness::world::Answer {
    let upload = court.request(Method::PUT, "/v1/documents", Some(("application/pdf", LETTER.to_vec())));
    upload.await.unwrap().ok().unwrap();
    let wish = json!({"version": "1.0", "request_id": request, "reason": reason,
        "letter": {"role": "withdrawal_letter", "name": "撤回申请.pdf", "media_type": "application/pdf",
            "sha256": hex::encode(Sha256::digest(LETTER)), "size": LETTER.len(), "seal": "electronic"},
        "contact": {"name": "演示联系人", "phone": "010-00000000"}});
    court.post("/v1/withdrawals", &wish).await.unwrap()
}

async fn held(court: &Court, registry: &str) -> Uuid {
    let demand = demand(Kind::Seizure, registry).remarks("SIM:HOLD").build();
    court.send(&demand).await.unwrap()[0]
}

/// R43, R44: the wish reaches the county with its letter; the county agrees, declines, or was faster.
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_travels_to_the_registry_and_its_answer_back() {
    let world = World::builder("withdrawal").provinces(&["32"]).start().await.unwrap();
    let court = world.court("court-a");
    let (first, second) = (held(&court, "320102").await, held(&court, "320104").await);
    court.wait_for_state(first, "delivered", SOON).await.unwrap();
    court.wait_for_state(second, "delivered", SOON).await.unwrap();

    let asked = ask(&court, first, "案件已和解，申请撤回协助执行").await.ok().unwrap();
    let agreed = asked["withdrawal_id"].as_str().unwrap();
    let declined = ask(&court, second, "申请撤回协助执行 SIM:DECLINE").await.ok().unwrap();
    let shown = court.wait_for_state(first, "withdrawn", SOON).await.unwrap();
    assert_eq!(shown["result"]["body"]["reasons"], json!(["withdrawn"]));
    assert_eq!(shown["receipt"]["no"], 1, "the receipt stays in the ledger");
    assert_eq!(states(&world, first).await, ["in_flight", "delivered", "withdrawn"]);
    assert_eq!(court.get(&format!("/v1/withdrawals/{agreed}")).await.unwrap()["state"], "agreed");

    // Declined: told with the words, and the demand goes on to its registration.
    court.wait_for_state(second, "registered", SOON).await.unwrap();
    let id = declined["withdrawal_id"].as_str().unwrap();
    let view = court.get(&format!("/v1/withdrawals/{id}")).await.unwrap();
    assert_eq!(view["state"], "declined", "{view}");
    assert!(view["decision"]["text"].as_str().unwrap().contains("印章"));
    let events = told(&court, second).await;
    assert!(events.contains(&"withdrawal_declined".to_owned()), "{events:?}");

    // The county saw the letter's own bytes, once for each wish.
    let journal = world.journal("32").await.unwrap();
    let wished: Vec<&Value> = journal.iter().filter(|entry| entry["event"] == "wished").collect();
    assert_eq!(wished.len(), 2);
    assert!(
        wished.iter().all(|entry| entry["letter_sha256"] == hex::encode(Sha256::digest(LETTER)).as_str())
    );

    // After the entry in the register: refused, and the lifting is named.
    let late = ask(&court, second, "登簿之后才提出的撤回申请").await;
    assert_eq!((late.status.as_u16(), late.code()), (409, "HUB-3300"));
    assert!(late.body["detail"].as_str().unwrap().contains("解封"));
    assert_gapless(&court).await;
    world.hub_cli(&["ledger", "verify"]).await.unwrap();
    world.finish().await.unwrap();
}

/// R38, R51, R52: returned demands are told by their codes, a corrected one is a new one behind everything received meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_demand_stands_behind_what_came_meanwhile() {
    let world = World::builder("correction").provinces(&["32"]).start().await.unwrap();
    let (first, second) = (world.court("court-a"), world.court("court-b"));
    let unit = unit_code("320102", 4711);
    let wrong = demand(Kind::Seizure, "320102").unit(&unit).remarks("SIM:MISMATCH").build();
    let wrong = first.send(&wrong).await.unwrap()[0];
    let shown = first.wait_for_state(wrong, "returned", SOON).await.unwrap();
    assert_eq!(shown["result"]["body"]["reasons"], json!(["register_mismatch"]));
    assert_eq!(shown["result"]["body"]["differing_fields"], json!(["certificate"]));

    // Somebody must find out which of the two is wrong: the talk about it is open.
    let talks = first.get(&format!("/v1/consultations?request_id={wrong}&open=true")).await.unwrap();
    assert_eq!(talks["items"][0]["cause"], "register_mismatch", "{talks}");

    let meanwhile = demand(Kind::Seizure, "320102").court("沪0115").unit(&unit).build();
    let meanwhile = second.send(&meanwhile).await.unwrap()[0];
    let meanwhile = second.wait_for_state(meanwhile, "registered", SOON).await.unwrap();
    let corrected = demand(Kind::Seizure, "320102").unit(&unit).prior(wrong).build();
    let corrected = first.send(&corrected).await.unwrap()[0];
    let shown = first.wait_for_state(corrected, "registered", SOON).await.unwrap();
    let number = |shown: &Value| shown["receipt"]["no"].as_i64().unwrap();
    assert!(number(&shown) > number(&meanwhile), "the time of delivery is counted anew");
    assert_eq!(meanwhile["result"]["body"]["registration"]["status"], "formal");
    assert_eq!(shown["result"]["body"]["registration"]["status"], "waiting");
    assert_eq!(shown["prior_request_id"], wrong.to_string().as_str());
    let old = first.show(wrong).await.unwrap();
    assert_eq!(old["corrected_by"], json!([corrected]), "the link shows both ways");

    // 预告登记 of somebody else.
    let notice = demand(Kind::Seizure, "320104").remarks("SIM:ADVANCE-NOTICE").build();
    let notice = first.send(&notice).await.unwrap()[0];
    let shown = first.wait_for_state(notice, "returned", SOON).await.unwrap();
    assert_eq!(shown["result"]["body"]["reasons"], json!(["third_party_advance_notice"]));
    assert_eq!(count(&world, "SELECT count(*) FROM inv_event WHERE kind = 'outcome_refused'").await, 0);
    world.finish().await.unwrap();
}
