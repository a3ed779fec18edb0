//! R62: what is open in a province, opened by people and by what happens, and the file that holds all of it.

use hub::store::requests::{self, Changes, NewEvent};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;
use xiezhi_schemas::message::{OutcomeMessage, OutcomeVerdict};

use crate::{
    road::{audited, code, post, receive, returned, say, seize, unit},
    support::Hub,
};

const SUBJECT: &str = "登记机构反映接口字段含义不一致";
const TEXT: &str = "两个县反映回执中的证号字段含义与接口标准不一致";

async fn open(hub: &Hub, more: Value) -> crate::support::Answer {
    let mut body = json!({"subject": SUBJECT, "text": TEXT});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    post(hub, "operator", "/v1/issues", &body).await
}

/// Cause and state of every issue about a request.
async fn about(hub: &Hub, request: Uuid) -> Vec<(String, String)> {
    let page = hub.get("operator", &format!("/v1/issues?request_id={request}")).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = page.body["items"].as_array().unwrap();
    items.iter().map(|one| (text(&one["cause"]), text(&one["state"]))).collect()
}

fn one(cause: &str, state: &str) -> Vec<(String, String)> {
    vec![(cause.to_owned(), state.to_owned())]
}

/// A result of this moment: unlike one of a far day, the register takes it.
fn registered_now(request: Uuid) -> OutcomeMessage {
    registered_at(request, Timestamp::now())
}

fn registered_at(request: Uuid, at: Timestamp) -> OutcomeMessage {
    let message = json!({"schema": "xiezhi.result.v1", "request_id": request, "registry": "110105", "registration": {
        "status": "formal", "business_number": "YW1", "registered_at": at,
        "period_from": "2090-01-01", "period_to": "2092-12-31"}});
    serde_json::from_value(message).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_open_assign_and_answer_issues() {
    let hub = Hub::start("issue_people").await;
    let request = seize(&hub, "court-a", "A1", "京0105", &[unit(7)]).await[0];
    // Nobody but an operator; a province that is there; words that say something; a day to come.
    let body = json!({"province": "11", "subject": SUBJECT, "text": TEXT});
    assert_eq!(post(&hub, "court-a", "/v1/issues", &body).await.status, 403);
    assert_eq!(hub.get("court-a", "/v1/issues").await.status, 403);
    for wrong in [
        json!({}),
        json!({"province": "44"}),
        json!({"province": "32", "request_id": request}),
        json!({"province": "11", "due_on": "2020-01-01"}),
    ] {
        let answer = open(&hub, wrong.clone()).await;
        assert_eq!(code(&answer), (422, "HUB-3326"), "{wrong}: {}", answer.body);
    }
    assert!(open(&hub, json!({"province": "11", "text": "　　　　　"})).await.has("HUB-3323", "/text"));
    assert_eq!(open(&hub, json!({"request_id": Uuid::now_v7()})).await.status, 404);
    assert_eq!(hub.count("SELECT count(*) FROM issue").await, 0);

    let opened =
        open(&hub, json!({"request_id": request, "owner": "虚构联络处", "due_on": "2999-01-01"})).await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    let issue = &opened.body;
    assert_eq!(
        (&issue["province"], &issue["cause"], &issue["state"], &issue["overdue"]),
        (&json!("11"), &json!("person"), &json!("open"), &json!(false))
    );
    let path = format!("/v1/issues/{}", issue["issue_id"].as_str().unwrap());

    let assign = format!("{path}/assign");
    let nothing = json!({"reason": "没有给出负责人也没有期限"});
    assert_eq!(code(&post(&hub, "operator", &assign, &nothing).await), (422, "HUB-3326"));
    let assigned = json!({"owner": "虚构市登记中心", "reason": "由登记机构牵头核对字段"});
    let assigned = post(&hub, "operator", &assign, &assigned).await;
    assert_eq!(
        (&assigned.body["owner"], &assigned.body["due_on"]),
        (&json!("虚构市登记中心"), &json!("2999-01-01")),
        "what is not named stays"
    );
    let note = json!({"text": "已收到县里提供的三份回执样例"});
    assert_eq!(post(&hub, "operator", &format!("{path}/entries"), &note).await.status, 201);

    // An overdue one is said to be so; the day itself is included.
    hub.sql("UPDATE issue SET due_on = '2024-01-31'").await;
    let due = |day: &str| format!("/v1/issues?due_before={day}&open=true");
    assert_eq!(hub.get("operator", &due("2024-01-31")).await.body["items"], json!([]));
    let overdue = hub.get("operator", &due("2024-02-01")).await.body;
    assert_eq!(overdue["items"][0]["overdue"], true);

    let close = format!("{path}/close");
    assert!(
        post(&hub, "operator", &close, &json!({"result": "　　　　　"})).await.has("HUB-3323", "/result")
    );
    let answer = "已按接口标准统一字段含义并通知两个县";
    let closed = post(&hub, "operator", &close, &json!({"result": answer})).await;
    assert_eq!(
        (&closed.body["state"], &closed.body["answer"], &closed.body["overdue"]),
        (&json!("closed"), &json!(answer), &json!(false))
    );
    let kinds: Vec<_> =
        closed.body["entries"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["opened", "assigned", "note", "closed"]);
    for (path, body) in
        [(&close, json!({"result": answer})), (&assign, json!({"owner": "x", "reason": TEXT}))]
    {
        assert_eq!(code(&post(&hub, "operator", path, &body).await), (409, "HUB-3321"));
    }
    for action in ["issue.open", "issue.assigned", "issue.note", "issue.closed"] {
        assert_eq!(audited(&hub, action).await, 1, "{action}");
    }
    // A log is never rewritten; an issue only changes hands.
    let client = hub.store.client().await.unwrap();
    for statement in ["UPDATE issue SET subject = ''", "DELETE FROM issue"] {
        assert!(client.execute(statement, &[]).await.is_err(), "{statement}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn issues_come_of_what_happens_and_once() {
    let hub = Hub::start("issue_events").await;
    let seven = [unit(7)];
    let first = seize(&hub, "court-a", "A1", "京0105", &seven).await[0];
    let second = seize(&hub, "court-b", "B1", "沪0115", &seven).await[0];
    receive(&hub, &[first, second]).await;

    // Registered before the one that was delivered earlier; it ends when that one loses its place.
    assert_eq!(say(&hub, registered_now(second)).await, OutcomeVerdict::Effective);
    assert_eq!(about(&hub, second).await, one("order_anomaly", "open"));
    // A second result contradicts.
    assert_eq!(say(&hub, returned(second, "target_inaccurate", &[])).await, OutcomeVerdict::Disputed);
    let both = about(&hub, second).await;
    assert_eq!(both, [one("order_anomaly", "open"), one("contradiction", "open")].concat());
    assert_eq!(say(&hub, returned(first, "target_inaccurate", &[])).await, OutcomeVerdict::Effective);
    assert_eq!(about(&hub, first).await, [], "the first return is no issue");
    let page = hub.get("operator", &format!("/v1/issues?request_id={second}&cause=order_anomaly")).await.body;
    assert_eq!(
        (&page["items"][0]["state"], &page["items"][0]["opened_by"]),
        (&json!("closed"), &json!("hub"))
    );
    assert!(page["items"][0]["subject"].as_str().unwrap().starts_with("HUB-3220: "), "{page}");

    // Corrected and returned once more.
    let mut corrected = hub.good("court-a", "A22").await;
    corrected["units"][0]["unit_code"] = json!(unit(7));
    corrected["prior_request_id"] = json!(first);
    let accepted = hub.submit("court-a", &corrected).await;
    assert_eq!(accepted.status, 201, "{}", accepted.body);
    let again: Uuid = accepted.body["requests"][0]["request_id"].as_str().unwrap().parse().unwrap();
    receive(&hub, &[again]).await;
    let message = returned(again, "matter_unclear", &[]);
    assert_eq!(say(&hub, message.clone()).await, OutcomeVerdict::Effective);
    assert_eq!(say(&hub, message).await, OutcomeVerdict::Repeated);
    assert_eq!(about(&hub, again).await, one("returned_again", "open"));

    // Parked by a connector, twice: one issue while it is open. What expired stands in the list of the undelivered alone.
    let parked = async |cause: &str| {
        let mut client = hub.store.client().await.unwrap();
        let tx = client.transaction().await.unwrap();
        let at = requests::clock(&tx).await.unwrap();
        let detail = json!({"cause": cause, "tier": "province", "attempt": 1});
        let mut changes = Changes::default();
        changes.event(NewEvent { at, kind: "parked", request_id: Some(first), detail });
        changes.write(&tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    parked("expired").await;
    assert_eq!(about(&hub, first).await, []);
    parked("parked").await;
    parked("parked").await;
    assert_eq!(about(&hub, first).await, one("parked", "open"));
    let page = hub.get("operator", &format!("/v1/issues?request_id={first}")).await.body;
    let close = format!("/v1/issues/{}/close", page["items"][0]["issue_id"].as_str().unwrap());
    let closed = post(&hub, "operator", &close, &json!({"result": "县系统已修复并重新发送"})).await;
    assert_eq!(closed.status, 200, "{}", closed.body);
    parked("parked").await;
    assert_eq!(about(&hub, first).await, [one("parked", "closed"), one("parked", "open")].concat());
}

/// R73: the day that a lifting states is held against the register when it is registered; it lifts all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_lifting_that_states_another_day_is_flagged() {
    let hub = Hub::start("issue_lifting").await;
    for (number, other_day) in [(7, false), (8, true)] {
        let at = Timestamp::now();
        let registered_on = at.in_tz("Asia/Shanghai").unwrap().date();
        let seized = seize(&hub, "court-a", &format!("A{number}"), "京0105", &[unit(number)]).await[0];
        receive(&hub, &[seized]).await;
        let mut lifting = hub.good("court-a", &format!("L{number}")).await;
        lifting["units"][0]["unit_code"] = json!(unit(number));
        lifting["kind"] = json!("lifting");
        lifting.as_object_mut().unwrap().remove("period");
        lifting["original_case_number"] = json!("（2024）京0105执1002号");
        let stated = if other_day { registered_on.yesterday().unwrap() } else { registered_on };
        lifting["original_seizure_date"] = json!(stated);
        let accepted = hub.submit("court-a", &lifting).await;
        assert_eq!(accepted.status, 201, "{}", accepted.body);
        let lifted: Uuid = accepted.body["requests"][0]["request_id"].as_str().unwrap().parse().unwrap();
        receive(&hub, &[lifted]).await;
        assert_eq!(say(&hub, registered_at(seized, at)).await, OutcomeVerdict::Effective);
        let result = json!({"schema": "xiezhi.result.v1", "request_id": lifted, "registry": "110105", "registration": {
            "status": "lifted", "business_number": "YW2", "registered_at": Timestamp::now()}});
        assert_eq!(say(&hub, serde_json::from_value(result).unwrap()).await, OutcomeVerdict::Effective);
        let queue = hub.get("operator", &format!("/v1/units/{}/queue", unit(number))).await.body;
        assert_eq!(queue["items"][0]["position"], "已解除", "{queue}");
        assert_eq!(queue["register"], json!({"formal": 0, "waiting": 0, "ended": 1}));
        assert_eq!(about(&hub, lifted).await, if other_day { one("register_flag", "open") } else { vec![] });
        if other_day {
            let flag = format!(
                "SELECT count(*) FROM event WHERE kind = 'register_flag' AND detail ->> 'code' = 'HUB-3211'
                 AND detail #>> '{{what,stated}}' = '{stated}' AND detail #>> '{{what,registered_on}}' = '{registered_on}'"
            );
            assert_eq!(hub.count(&flag).await, 1);
        }
    }
}

/// The export holds every open issue, page size or not; the report counts the same.
#[tokio::test(flavor = "multi_thread")]
async fn the_export_holds_every_open_issue() {
    let hub = Hub::start("issue_export").await;
    let mut ids = Vec::new();
    for n in 0..7 {
        let province = if n % 3 == 0 { "32" } else { "11" };
        let opened =
            open(&hub, json!({"province": province, "subject": format!("问题 {n}, \"引号\" 与逗号")})).await;
        ids.push(opened.body["issue_id"].as_str().unwrap().to_owned());
    }
    let close = format!("/v1/issues/{}/close", ids[1]);
    assert_eq!(post(&hub, "operator", &close, &json!({"result": "已经答复并抄送各县"})).await.status, 200);

    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = hub.get("operator", &format!("/v1/issues?open=true&limit=2{cursor}")).await.body;
        let items = page["items"].as_array().unwrap();
        paged.extend(items.iter().map(|one| one["issue_id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let still: Vec<&String> = ids.iter().filter(|id| **id != ids[1]).collect();
    assert_eq!(paged.iter().collect::<Vec<_>>(), still);

    let export = async |query: &str| {
        let path = format!("/v1/issues/export{query}");
        let answer = hub.request("operator", reqwest::Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    };
    let text = export("").await;
    let mut file = csv::Reader::from_reader(text.as_bytes());
    let names = file.headers().unwrap().clone();
    let column = |name: &str| names.iter().position(|known| known == name).unwrap();
    let rows: Vec<csv::StringRecord> = file.records().collect::<Result<_, _>>().unwrap();
    let found: Vec<&str> = rows.iter().map(|row| &row[column("issue_id")]).collect();
    assert_eq!(found, still);
    assert_eq!(&rows[0][column("subject")], "问题 0, \"引号\" 与逗号");
    assert!(rows.iter().all(|row| &row[column("state")] == "open" && &row[column("overdue")] == "false"));
    let lines = export("?format=json&closed_too=true").await;
    let all: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(all.len(), 7);
    assert_eq!(all[1]["answer"], "已经答复并抄送各县");
    assert_eq!(export("?province=32").await.lines().count(), 1 + 3);
    assert_eq!(export("?province=33").await.lines().count(), 1, "a file of no issue still has its columns");
    assert_eq!(audited(&hub, "issue.export").await, 4);
    assert_eq!(hub.get("court-a", "/v1/issues/export").await.status, 403);

    let summary = hub.get("operator", "/v1/reports/summary?from=2020-01-01&to=2999-01-01").await.body;
    assert_eq!(
        summary["issues_by_cause"],
        json!([{"cause": "person", "opened": 7, "open": 6, "overdue": 0}])
    );
}
