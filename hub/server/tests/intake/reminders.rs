//! `GET /v1/reminders` and `hub reminders`: each caller its own, page by page.

use std::process::Command;

use serde_json::Value;

use super::support::{Answer, Hub};

/// Accepts one demand of each court and writes reminders to everybody about both.
async fn furnish(hub: &Hub) -> [String; 2] {
    let mut ids = [String::new(), String::new()];
    for (at, who) in ["court-a", "court-b"].into_iter().enumerate() {
        let answer = hub.submit(who, &hub.good(who, &format!("demand-{who}")).await).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        ids[at] = answer.body["requests"][0]["request_id"].as_str().unwrap().to_owned();
        for (kind, level, to) in [
            ("decision", "overdue", "court"),
            ("decision", "overdue", "registry"),
            ("decision", "overdue", "operator"),
            ("new_item", "notice", "registry"),
        ] {
            hub.sql(&format!(
                "INSERT INTO reminder (request_id, kind, level, addressee, due_at, created_at)
                 VALUES ('{}', '{kind}', '{level}', '{to}', '2024-03-07T16:00:00Z', '2024-03-07T16:00:05Z')",
                ids[at]
            ))
            .await;
        }
    }
    hub.sql("UPDATE reminder SET closed_at = now(), closed_because = 'ended' WHERE kind = 'new_item'").await;
    ids
}

fn items(answer: &Answer) -> &Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["items"].as_array().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_caller_sees_its_own() {
    let hub = Hub::start("reminders_walls").await;
    let [a, b] = furnish(&hub).await;
    for (who, id) in [("court-a", &a), ("court-b", &b)] {
        let answer = hub.get(who, "/v1/reminders").await;
        let seen = items(&answer);
        assert_eq!(seen.len(), 1, "{who}: {}", answer.body);
        assert_eq!(
            (&seen[0]["request_id"], &seen[0]["sender"]),
            (&Value::from(id.as_str()), &Value::from(who))
        );
        assert_eq!(
            (&seen[0]["addressee"], &seen[0]["basis"], &seen[0]["due_at"]),
            (&Value::from("court"), &Value::from("internal_target"), &Value::from("2024-03-07T16:00:00Z"))
        );
    }
    // Another court's request is as if it were not there, and nobody asks for others' desks.
    assert_eq!(items(&hub.get("court-a", &format!("/v1/reminders?request_id={b}")).await).len(), 0);
    for path in ["/v1/reminders?sender=court-b", "/v1/reminders?addressee=registry"] {
        for who in ["court-a", "connector-11"] {
            assert_eq!(hub.get(who, path).await.body["code"], "HUB-1403", "{who} {path}");
        }
    }
    // The connector of the province hands its registries' reminders on; another province's has none.
    let answer = hub.get("connector-11", "/v1/reminders").await;
    assert_eq!(items(&answer).len(), 4);
    assert!(items(&answer).iter().all(|item| item["addressee"] == "registry" && item["province"] == "11"));
    assert_eq!(items(&hub.get("connector-32", "/v1/reminders").await).len(), 0);
    assert_eq!(hub.get("connector-32", "/v1/reminders?province=11").await.status, 400);
    assert_eq!(items(&hub.get("operator", "/v1/reminders").await).len(), 8);
    let anonymous = reqwest::get(format!("{}/v1/reminders", hub.url)).await.unwrap();
    assert_eq!(anonymous.status().as_u16(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_filter_and_page() {
    let hub = Hub::start("reminders_list").await;
    let [a, _] = furnish(&hub).await;
    for (query, count) in [
        ("status=open", 6),
        ("status=closed", 2),
        ("kind=decision&addressee=registry", 2),
        ("level=notice", 2),
        ("sender=court-a", 4),
        ("registry=110105", 8),
        ("registry=320102", 0),
        ("province=32", 0),
        (&*format!("request_id={a}&status=open"), 3),
    ] {
        assert_eq!(
            items(&hub.get("operator", &format!("/v1/reminders?{query}")).await).len(),
            count,
            "{query}"
        );
    }
    let mut seen = Vec::new();
    let mut path = "/v1/reminders?limit=3".to_owned();
    loop {
        let page = hub.get("operator", &path).await;
        seen.extend(items(&page).iter().map(|item| item["reminder_id"].as_i64().unwrap()));
        match page.body["next"].as_i64() {
            Some(next) => path = format!("/v1/reminders?limit=3&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 8);
    assert!(seen.is_sorted());
    for query in
        ["limit=0", "limit=1001", "kind=colour", "level=high", "status=old", "cursor=x", "nonsense=1"]
    {
        let answer = hub.get("operator", &format!("/v1/reminders?{query}")).await;
        assert_eq!((answer.status, &answer.body["code"]), (400, &Value::from("HUB-1403")), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_lists_them() {
    let hub = Hub::start("reminders_cli").await;
    furnish(&hub).await;
    let run = |args: &[&str], token: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_hub"))
            .args(args)
            .args(["--api", &hub.url, "--token", token])
            .output()
            .unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, out) = run(&["reminders"], "token-court-a");
    assert_eq!((code, out.lines().count()), (0, 2), "{out}");
    assert!(out.contains("overdue") && out.contains("demand-court-a") && !out.contains("court-b"), "{out}");
    let (code, out) = run(&["reminders", "--status", "all", "--json", "--limit", "5"], "token-operator");
    let list: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, list["items"].as_array().unwrap().len()), (0, 5));
    assert!(list["next"].is_string() || list["next"].is_number(), "{list}");
}
