//! R42–R44, A15, V21, V22: the court asks in writing, the registry decides, and the entry in the register ends it.

use futures::future::join_all;
use hub::outcomes;
use rand::seq::SliceRandom as _;
use serde_json::{Value, json};
use uuid::Uuid;
use xiezhi_schemas::{
    message::{OfferedWithdrawal, OutcomeVerdict, WithdrawalMessage},
    signature::{Covered, verify},
};

use crate::{
    road::{
        audited, code, declined, post, receive, registered, returned, rules, say, seize, state, told, unit,
    },
    support::{Hub, PDF, sha256},
};

const LETTER: &[u8] = b"%PDF-1.7 a sealed letter of a court that does not exist";

fn wish(request: Uuid, reason: &str) -> Value {
    json!({"version": "1.0", "request_id": request, "reason": reason,
        "letter": {"role": "withdrawal_letter", "name": "撤回申请.pdf", "media_type": "application/pdf",
            "sha256": sha256(LETTER), "size": LETTER.len(), "seal": "electronic"},
        "contact": {"name": "虚构联系人", "phone": "010-00000000"}})
}

async fn ask(hub: &Hub, who: &str, request: Uuid, reason: &str) -> crate::support::Answer {
    post(hub, who, "/v1/withdrawals", &wish(request, reason)).await
}

async fn with_letter(name: &str) -> Hub {
    let hub = Hub::start(name).await;
    assert_eq!(hub.upload("court-a", LETTER).await.status, 201);
    hub
}

const REASON: &str = "案件已和解，申请撤回协助执行";

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_needs_its_letter_its_owner_and_an_open_request() {
    let hub = with_letter("wish_checks").await;
    let request = seize(&hub, "court-a", "D1", "京0105", &[unit(1)]).await[0];

    // Not somebody else's, and nobody but courts asks.
    assert_eq!(code(&ask(&hub, "court-b", request, REASON).await).0, 404);
    assert_eq!(code(&ask(&hub, "operator", request, REASON).await), (403, "HUB-1002"));
    assert_eq!(code(&ask(&hub, "court-a", Uuid::now_v7(), REASON).await).0, 404);

    // The letter: role, seal, bytes that were uploaded; the reason: words.
    let mut bad = wish(request, "撤回　申请");
    bad["letter"]["role"] = json!("other");
    bad["letter"].as_object_mut().unwrap().remove("seal");
    bad["letter"]["sha256"] = json!(sha256(b"never uploaded"));
    let refused = post(&hub, "court-a", "/v1/withdrawals", &bad).await;
    assert_eq!(refused.status, 422);
    for (code, path) in [
        ("HUB-3303", "/reason"),
        ("HUB-3303", "/letter/role"),
        ("HUB-3303", "/letter/seal"),
        ("HUB-1303", "/letter/sha256"),
    ] {
        assert!(refused.has(code, path), "{code} {path}: {}", refused.body);
    }
    let mut other_size = wish(request, REASON);
    other_size["letter"]["size"] = json!(1);
    assert!(post(&hub, "court-a", "/v1/withdrawals", &other_size).await.has("HUB-1304", "/letter"));
    let mut unknown = wish(request, REASON);
    unknown["urgent"] = json!(true);
    assert!(post(&hub, "court-a", "/v1/withdrawals", &unknown).await.has("HUB-1103", "/urgent"));
    assert_eq!(hub.count("SELECT count(*) FROM withdrawal").await, 0);

    // A good one is taken once; white space and order of keys make no other wish.
    let first = ask(&hub, "court-a", request, REASON).await;
    assert_eq!((first.status, first.body["state"].as_str()), (201, Some("open")));
    let again = ask(&hub, "court-a", request, REASON).await;
    assert_eq!((again.status, &again.body["withdrawal_id"]), (200, &first.body["withdrawal_id"]));
    assert_eq!(code(&ask(&hub, "court-a", request, "另一个理由，重新提出申请").await), (409, "HUB-3302"));
    assert_eq!(audited(&hub, "withdrawal.ask").await, 1);

    // R42: nothing at the demand itself withdraws.
    let direct = post(&hub, "court-a", &format!("/v1/demands/{request}/withdrawal"), &json!({})).await;
    assert_eq!(code(&direct), (409, "HUB-1405"));
    assert_eq!(state(&hub, "court-a", request).await, "in_flight");

    // Lists: its own for the court, all for operators, none for another court.
    let id = first.body["withdrawal_id"].as_str().unwrap();
    for (who, query, expected) in [
        ("court-a", "", 1),
        ("court-b", "", 0),
        ("operator", "?state=open&province=11&registry=110105", 1),
        ("operator", "?state=agreed", 0),
    ] {
        let page = hub.get(who, &format!("/v1/withdrawals{query}")).await;
        assert_eq!(page.body["items"].as_array().unwrap().len(), expected, "{who} {query}");
    }
    assert_eq!(hub.get("court-b", &format!("/v1/withdrawals/{id}")).await.status, 404);
    assert_eq!(hub.get("operator", &format!("/v1/withdrawals/{id}")).await.body["reason"], REASON);
    assert_eq!(hub.get("operator", "/v1/withdrawals?status=open").await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_offered_to_its_province_once_the_registry_holds_the_demand() {
    let hub = with_letter("wish_offered").await;
    let request = seize(&hub, "court-a", "D1", "京0105", &[unit(1)]).await[0];
    let asked = ask(&hub, "court-a", request, REASON).await;
    let id = asked.body["withdrawal_id"].as_str().unwrap().to_owned();
    let offers = async |who: &str, query: &str| {
        let answer = hub.get(who, &format!("/v1/withdrawals/offered{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_value::<Vec<OfferedWithdrawal>>(answer.body["withdrawals"].clone()).unwrap()
    };
    assert!(offers("connector-11", "").await.is_empty(), "it never arrives before the demand");
    receive(&hub, &[request]).await;
    assert!(offers("connector-32", "").await.is_empty(), "another province sees nothing");
    assert!(offers("connector-11", "?registries=110108").await.is_empty());
    assert_eq!(hub.get("court-a", "/v1/withdrawals/offered").await.status, 403);
    let offered = offers("connector-11", "?registries=110108,110105").await;
    assert_eq!(offered.len(), 1);

    // What is offered is signed for this registry, and its letter can be fetched by this province only.
    let WithdrawalMessage::V1(withdrawal) = serde_json::from_str(&offered[0].body).unwrap();
    let covered = Covered {
        sender: "court-a",
        registry: &"110105".parse().unwrap(),
        request_id: request,
        message_id: id.parse().unwrap(),
    };
    let key = |province: &str| hub.app.secret.province_key(&province.parse().unwrap());
    assert!(verify(&key("11"), &covered, offered[0].body.as_bytes(), &offered[0].signature));
    assert!(!verify(&key("32"), &covered, offered[0].body.as_bytes(), &offered[0].signature));
    let letter = format!("/v1/documents/{}?request_id={request}", withdrawal.letter.sha256);
    assert_eq!(hub.get("connector-11", &letter).await.status, 200);
    assert_eq!(hub.get("connector-32", &letter).await.status, 404);

    // Taken once, however often it is said; by the right province only.
    let taking = format!("/v1/withdrawals/{id}/taking");
    assert_eq!(post(&hub, "connector-32", &taking, &json!({"taking": "held"})).await.status, 404);
    for _ in 0..2 {
        assert_eq!(post(&hub, "connector-11", &taking, &json!({"taking": "held"})).await.status, 204);
    }
    assert!(post(&hub, "connector-11", &taking, &json!({"taking": "eaten"})).await.status == 422);
    assert!(offers("connector-11", "").await.is_empty());
    assert_eq!(told(&hub, "court-a", request).await, ["delivered", "withdrawal_handed_over"]);
    assert_eq!(state(&hub, "court-a", request).await, "delivered", "handing it over changes nothing");

    // A system that has no place for it: the court hears that its letter needs another way.
    let other = seize(&hub, "court-a", "D2", "京0105", &[unit(2)]).await[0];
    receive(&hub, &[other]).await;
    let asked = ask(&hub, "court-a", other, REASON).await;
    let taking = format!("/v1/withdrawals/{}/taking", asked.body["withdrawal_id"].as_str().unwrap());
    assert_eq!(post(&hub, "connector-11", &taking, &json!({"taking": "unsupported"})).await.status, 204);
    assert_eq!(told(&hub, "court-a", other).await, ["delivered", "withdrawal_not_taken"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registry_agrees_declines_or_is_faster() {
    let hub = with_letter("wish_ends").await;
    let units: Vec<String> = (1..=6).map(unit).collect();
    let requests = seize(&hub, "court-a", "D1", "京0105", &units).await;
    let [agreed, refused, overtaken, unasked, back, early] = requests[..] else { unreachable!("six units") };
    receive(&hub, &[agreed, refused, overtaken, unasked, back]).await;
    let asked = async |request| {
        let answer = ask(&hub, "court-a", request, REASON).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["withdrawal_id"].as_str().unwrap().to_owned()
    };
    let state_of = async |id: &str| {
        hub.get("court-a", &format!("/v1/withdrawals/{id}")).await.body["state"].as_str().unwrap().to_owned()
    };

    let wish = asked(agreed).await;
    assert_eq!(say(&hub, returned(agreed, "withdrawn", &[])).await, OutcomeVerdict::Effective);
    assert_eq!(say(&hub, returned(agreed, "withdrawn", &[])).await, OutcomeVerdict::Repeated);
    assert_eq!(
        (state(&hub, "court-a", agreed).await, state_of(&wish).await),
        ("withdrawn".into(), "agreed".into())
    );
    assert_eq!(told(&hub, "court-a", agreed).await, ["delivered", "returned"]);
    let late = say(&hub, declined(agreed, &wish, "我机构现不同意该撤回申请")).await;
    assert_eq!(late, OutcomeVerdict::Disputed);
    assert_eq!(state(&hub, "court-a", agreed).await, "withdrawn");
    assert_eq!(code(&ask(&hub, "court-a", agreed, "再次申请撤回同一协助事项").await), (409, "HUB-3301"));

    // R44: a refusal says why, is told, and the demand goes on; another wish may follow.
    let wish = asked(refused).await;
    for empty in ["不同意撤回", "　　", "不同意"] {
        let verdict = say(&hub, declined(refused, &wish, empty)).await;
        assert!(
            matches!(&verdict, OutcomeVerdict::Refused { code, .. } if code == "HUB-3304"),
            "{verdict:?}"
        );
    }
    let stranger =
        say(&hub, declined(refused, &Uuid::now_v7().to_string(), "印章不清晰，不同意撤回申请")).await;
    assert!(matches!(&stranger, OutcomeVerdict::Refused { code, .. } if code == "HUB-3304"), "{stranger:?}");
    let no = declined(refused, &wish, "印章不清晰，不同意撤回申请");
    assert_eq!(say(&hub, no.clone()).await, OutcomeVerdict::Effective);
    assert_eq!(say(&hub, no).await, OutcomeVerdict::Repeated);
    assert_eq!(
        (state(&hub, "court-a", refused).await, state_of(&wish).await),
        ("delivered".into(), "declined".into())
    );
    assert_eq!(told(&hub, "court-a", refused).await, ["delivered", "withdrawal_declined"]);
    let unheard = say(&hub, returned(refused, "withdrawn", &[])).await;
    assert!(matches!(&unheard, OutcomeVerdict::Refused { code, .. } if code == "HUB-3305"), "{unheard:?}");
    assert_eq!(ask(&hub, "court-a", refused, "补正印章后重新申请撤回").await.status, 201);
    assert_eq!(say(&hub, registered(refused)).await, OutcomeVerdict::Effective);

    // The entry in the register was faster: the wish ends, the court is told what is left.
    let wish = asked(overtaken).await;
    assert_eq!(say(&hub, registered(overtaken)).await, OutcomeVerdict::Effective);
    assert_eq!(state_of(&wish).await, "overtaken");
    assert_eq!(told(&hub, "court-a", overtaken).await, ["delivered", "registered", "withdrawal_overtaken"]);
    assert_eq!(say(&hub, returned(overtaken, "withdrawn", &[])).await, OutcomeVerdict::Disputed);
    assert_eq!(
        say(&hub, declined(overtaken, &wish, "该查封已登簿，请另行解封")).await,
        OutcomeVerdict::Repeated
    );
    assert_eq!(state(&hub, "court-a", overtaken).await, "registered");
    let too_late = ask(&hub, "court-a", overtaken, "登簿之后才提出的撤回申请").await;
    assert_eq!(code(&too_late), (409, "HUB-3300"));
    assert!(too_late.body["detail"].as_str().unwrap().contains("解封"));

    // Nobody asked: no registry withdraws for a court.
    let verdict = say(&hub, returned(unasked, "withdrawn", &[])).await;
    assert!(matches!(&verdict, OutcomeVerdict::Refused { code, .. } if code == "HUB-3305"), "{verdict:?}");
    assert_eq!(state(&hub, "court-a", unasked).await, "delivered");

    // Returned for another reason: the wish is overtaken.
    let wish = asked(back).await;
    assert_eq!(say(&hub, returned(back, "target_inaccurate", &[])).await, OutcomeVerdict::Effective);
    assert_eq!(state_of(&wish).await, "overtaken");

    // Agreed before the receipt is known: it waits for the receipt, and both take effect together.
    let wish = asked(early).await;
    assert_eq!(say(&hub, returned(early, "withdrawn", &[])).await, OutcomeVerdict::Early);
    assert_eq!(state_of(&wish).await, "open");
    receive(&hub, &[early]).await;
    assert_eq!(
        (state(&hub, "court-a", early).await, state_of(&wish).await),
        ("withdrawn".into(), "agreed".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reason_of_a_return_reaches_the_court_by_its_code() {
    let hub = Hub::start("return_reasons").await;
    let reasons = [
        "matter_unclear",
        "target_inaccurate",
        "period_missing",
        "third_party_advance_notice",
        "no_such_seizure",
        "other",
    ];
    let units: Vec<String> = (1..=reasons.len()).map(unit).collect();
    let requests = seize(&hub, "court-a", "D1", "京0105", &units).await;
    receive(&hub, &requests).await;
    for (request, reason) in requests.iter().zip(reasons) {
        assert_eq!(say(&hub, returned(*request, reason, &[])).await, OutcomeVerdict::Effective);
    }
    let events = hub.get("court-a", "/v1/feedback?after=0&limit=100").await;
    let told: Vec<&str> = events.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["body"]["reasons"][0].as_str())
        .collect();
    assert_eq!(told, reasons);
    // R36: without a code, without words, or with a field nobody knows, nothing is returned.
    let held = seize(&hub, "court-a", "D2", "京0105", &[unit(90)]).await[0];
    receive(&hub, &[held]).await;
    for (reason, fields) in [("register_mismatch", &[][..]), ("register_mismatch", &["owner"][..])] {
        let verdict = say(&hub, returned(held, reason, fields)).await;
        assert!(
            matches!(&verdict, OutcomeVerdict::Refused { code, .. } if code == "HUB-3104"),
            "{verdict:?}"
        );
    }
    assert_eq!(state(&hub, "court-a", held).await, "delivered");
}

/// A15: return, registration, agreement and the wish itself arrive together, in every order.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a15_one_end_whoever_is_first() {
    const ROUNDS: usize = 500;
    let hub = with_letter("a15").await;
    let mut requests = Vec::new();
    for half in 0..2 {
        let units: Vec<String> = (0..ROUNDS / 2).map(|n| unit(half * ROUNDS / 2 + n)).collect();
        requests.extend(seize(&hub, "court-a", &format!("D{half}"), "京0105", &units).await);
    }
    receive(&hub, &requests).await;
    // Half of the wishes are there before, the other half arrive in the race.
    for request in requests.iter().step_by(2) {
        assert_eq!(ask(&hub, "court-a", *request, REASON).await.status, 201);
    }
    let mut late = Vec::new();
    for (round, request) in requests.iter().enumerate() {
        let mut moves = [0, 1, 2, 3];
        moves.shuffle(&mut rand::rng());
        let done = join_all(moves.map(|each| {
            let (hub, request) = (&hub, *request);
            async move {
                let message = match each {
                    0 => registered(request),
                    1 => returned(request, "target_inaccurate", &[]),
                    2 => returned(request, "withdrawn", &[]),
                    _ if round % 2 == 0 => return None,
                    _ => return Some(ask(hub, "court-a", request, REASON).await.status),
                };
                outcomes::record(&hub.store, &rules(), &[message]).await.unwrap();
                None
            }
        }))
        .await;
        late.extend(done.into_iter().flatten());
    }
    assert!(late.iter().all(|status| [201, 409].contains(status)), "{late:?}");
    // One end each, by one outcome each, and the log says nothing after it.
    let none = async |what: &str, query: &str| assert_eq!(hub.count(query).await, 0, "{what}");
    none(
        "not ended",
        "SELECT count(*) FROM inv_request WHERE state NOT IN ('registered', 'returned', 'withdrawn')",
    )
    .await;
    none("V22", "SELECT count(*) FROM (SELECT request_id FROM inv_result WHERE effective GROUP BY 1 HAVING count(*) <> 1) x").await;
    none(
        "V21",
        "SELECT count(*) FROM (SELECT request_id FROM inv_state WHERE state IN ('registered', 'returned', 'withdrawn')
         GROUP BY 1 HAVING count(*) <> 1) x",
    )
    .await;
    none(
        "the result is the state",
        "SELECT count(*) FROM inv_request r JOIN inv_result o USING (request_id) WHERE o.effective AND o.outcome <> r.state",
    )
    .await;
    // A wish alone never takes effect, and no withdrawal without a wish.
    none(
        "agreed is withdrawn",
        "SELECT count(*) FROM inv_request r LEFT JOIN inv_withdrawal w USING (request_id)
         WHERE (r.state = 'withdrawn') <> coalesce(w.state = 'agreed', false)",
    )
    .await;
    none("a wish left open", "SELECT count(*) FROM inv_withdrawal WHERE state = 'open'").await;
    let kinds = hub.count("SELECT count(DISTINCT state) FROM inv_request").await;
    assert_eq!(kinds, 3, "each of the three was first at least once in {ROUNDS} rounds");
    assert_eq!(hub.upload("court-a", PDF).await.status, 201);
}
