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

/// The same from a terminal: every command reaches what its route does, and what it prints can be read by a program.
#[tokio::test(flavor = "multi_thread")]
async fn clerks_and_operators_work_from_the_command_line() {
    let world = World::builder("matters_cli").provinces(&["32"]).start().await.unwrap();
    let (first, second) = (world.court("court-a"), world.court("court-b"));
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let json = async |who: &str, args: &[&str]| {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        serde_json::from_str::<Value>(&world.hub_cli_as(who, &args).await.unwrap()).unwrap()
    };
    let letter = file("撤回申请.pdf", LETTER);

    // Withdrawal: asked, followed, decided.
    let request = held(&first, "320102").await;
    first.wait_for_state(request, "delivered", SOON).await.unwrap();
    let id = request.to_string();
    let ask = ["withdrawal", "ask", &id, "--letter", &letter, "--reason", "案件已和解，申请撤回协助执行"];
    let ask: Vec<&str> =
        ask.into_iter().chain(["--contact-name", "演示联系人", "--contact-phone", "010-0"]).collect();
    let asked = json("court-a", &ask).await;
    assert_eq!(asked["letter"]["name"], "撤回申请.pdf");
    first.wait_for_state(request, "withdrawn", SOON).await.unwrap();
    let listed = json("court-a", &["withdrawal", "list", "--state", "agreed", "--request", &id]).await;
    assert_eq!(listed["items"][0]["withdrawal_id"], asked["withdrawal_id"]);
    let shown =
        world.hub_cli_as("court-a", &["withdrawal", "show", asked["withdrawal_id"].as_str().unwrap()]).await;
    assert!(shown.unwrap().contains("state: agreed"));

    // Dispute: opened by a court, settled by the superior court's document that an operator records.
    let unit = unit_code("320102", 99);
    let mine = demand(Kind::Seizure, "320102").court("京0105").unit(&unit).build();
    let mine = first.send(&mine).await.unwrap()[0];
    first.wait_for_state(mine, "registered", SOON).await.unwrap();
    let theirs = demand(Kind::Seizure, "320102").court("沪0115").unit(&unit).build();
    let theirs = second.send(&theirs).await.unwrap()[0];
    second.wait_for_state(theirs, "registered", SOON).await.unwrap();
    let (mine, theirs) = (mine.to_string(), theirs.to_string());
    let open = ["dispute", "open", &theirs, "--reason", "对同一不动产单元的查封顺位有异议"];
    let opened = json("court-b", &open).await;
    assert_eq!(opened["superior"]["code"], "最高法");
    let dispute = opened["dispute_id"].as_str().unwrap();
    let evidence = world.hub_cli_as("operator-1", &["dispute", "evidence", dispute]).await.unwrap();
    assert_eq!(opened["evidence_sha256"], hex::encode(Sha256::digest(&evidence)).as_str());
    let paper = file("决定书.pdf", b"%PDF-1.7 a decision of a court that does not exist");
    let order = ["dispute", "order", dispute, &theirs, &mine, "--court", "最高法", "--date", "2026-01-05"];
    let order: Vec<&str> =
        order.into_iter().chain(["--number", "（2026）最高法执协7号", "--document", &paper]).collect();
    let decided = json("operator-1", &order).await;
    assert_eq!(decided["decisions"][0]["order"], json!([theirs, mine]));
    assert_eq!(
        json("court-a", &["dispute", "list", "--open", "false"]).await["items"].as_array().unwrap().len(),
        1
    );
    let moved = "SELECT count(*) FROM inv_event WHERE kind = 'order_changed'";
    assert_eq!(count(&world, moved).await, 2);
    let superior = world.hub_cli(&["dispute", "superior", "京0105", "沪0115"]).await.unwrap();
    assert_eq!(superior.trim(), "最高法 最高人民法院");
    let unknown = world.hub_cli_raw(&["dispute", "superior", "京0105", "冀0102"]).await.unwrap();
    assert!(unknown.code == 1 && unknown.err.contains("HUB-3325"), "{unknown:?}");

    // Consultation and contacts.
    let begin =
        ["consultation", "open", "--level", "province", "--province", "32", "--subject", "月度会商纪要"];
    let begin: Vec<&str> = begin.into_iter().chain(["--text", "汇总本月问题并议定解决办法"]).collect();
    let talk = json("operator-1", &begin).await;
    let talk = talk["consultation_id"].as_str().unwrap();
    let note = ["consultation", "note", talk, "--text", "附双方确认的纪要", "--document", &paper];
    assert_eq!(json("operator-1", &note).await["entries"].as_array().unwrap().len(), 2);
    let close = ["consultation", "close", talk, "--result", "各方同意按纪要办理"];
    assert!(!json("operator-1", &close).await["closed_at"].is_null());
    let people = "province,side,organisation,name,duty,phone,email,valid_from,valid_to\n\
                  32,registry,虚构省自然资源厅,虚构人甲,,025-00000000,,2024-02-29,2024-12-31\n";
    let people_file = file("contacts.csv", people.as_bytes());
    assert_eq!(json("operator-1", &["contact", "import", &people_file]).await["added"], 1);
    let listed = json("court-a", &["contact", "list", "--province", "32", "--on", "2025-01-01"]).await;
    assert_eq!(listed["items"][0]["expired"], true);
    let export = world.hub_cli_as("operator-1", &["contact", "export", "--province", "32"]).await.unwrap();
    assert_eq!(export, people);
    world.hub_cli(&["audit", "verify"]).await.unwrap();
    world.finish().await.unwrap();
}
