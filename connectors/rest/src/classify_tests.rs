//! The table: every class of status with every sort of body.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::{Value, json};

use super::*;

/// Names and numbers that must not come out of a reason.
const PERSONS: [&str; 8] = [
    "李某某",
    "110105190303079514",
    "张某",
    "010-80001234",
    "王某",
    "J-4711",
    "朝阳区某路1号",
    "京（2024）朝阳区不动产权第0001234号",
];

fn demand() -> Demand {
    serde_json::from_value(json!({
        "request_id": "00000000-0000-0000-0000-000000000001",
        "message_id": "00000000-0000-0000-0000-000000000002",
        "sender": "court-a", "demand_id": "d-1", "unit_index": 1, "unit_count": 1, "registry": "110105",
        "lane_seq": 1, "accepted_at": "2026-01-01T00:00:00Z", "kind": "lifting",
        "court": {"code": "京0105", "name": "某法院"}, "case_number": "（2024）京0105执1234号",
        "judgment_number": "（2024）京0105民初56号", "issuing_organ": "某法院",
        "debtor": {"name": PERSONS[0], "document_kind": "resident_id", "document_number": PERSONS[1]},
        "unit": {"unit_code": "110105001001GB00001F00010001", "right_holder": PERSONS[0],
            "location": PERSONS[6], "certificates": [PERSONS[7]]},
        "contact": {"name": PERSONS[2], "phone": PERSONS[3]},
        "officers": [{"name": PERSONS[4], "kind": "work_permit", "number": PERSONS[5]}],
        "attachments": []
    }))
    .unwrap()
}

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn reply(status: u16, body: &str) -> Reply {
    Reply::Answered { status, retry_after: None, body: body.as_bytes().to_vec() }
}

fn sort(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Taken { .. } => "taken",
        Outcome::Returned(_) => "returned",
        Outcome::Unwell { .. } => "unwell",
        Outcome::Refused { .. } => "refused",
    }
}

#[test]
fn every_status_with_every_body() {
    let taken = r#"{"status":"taken","reference":"SJ-1","received_at":"2026-01-01T00:00:01Z"}"#;
    let returned = r#"{"status":"returned","reasons":["target_inaccurate"],"text":"单元代码与坐落不对应"}"#;
    let refused = r#"{"status":"refused","code":"not_accepted","reason":"no"}"#;
    let bodies = [taken, returned, refused, r#"{"status":"tak"#, r#"{"status":"queued"}"#, "<html>", ""];
    for status in [
        100, 200, 201, 202, 203, 204, 206, 299, 300, 301, 302, 304, 307, 308, 400, 401, 402, 403, 404, 405,
        406, 407, 408, 409, 410, 411, 413, 414, 415, 418, 422, 425, 426, 428, 429, 431, 451, 500, 501, 502,
        503, 504, 511, 599, 600, 999,
    ] {
        let verdicts: Vec<_> =
            bodies.iter().map(|body| sort(&delivery(&reply(status, body), &demand(), now()))).collect();
        let mut expected = ["unwell"; 7];
        match status {
            200 | 201 => expected[..3].copy_from_slice(&["taken", "returned", "refused"]),
            400 | 409 | 415 | 422 => expected[2] = "refused",
            // Too large stays too large; a proxy says so in HTML. A body that claims another thing is not believed.
            413 => {
                expected[2..].fill("refused");
            }
            _ => {}
        }
        assert_eq!(verdicts, expected, "HTTP {status}");
    }
}

#[test]
fn claims_beside_a_taken_demand_are_taken_as_they_can_be() {
    let take = |body: Value| delivery(&reply(200, &body.to_string()), &demand(), now());
    let Outcome::Taken { local_reference, local_received_at, .. } =
        take(json!({"status": "taken", "reference": "SJ-1",
        "request_id": demand().request_id, "received_at": "2026-01-01T08:00:01+08:00", "more": 1}))
    else {
        panic!("not taken")
    };
    assert_eq!(local_reference.as_deref(), Some("SJ-1"));
    assert_eq!(local_received_at, Some("2026-01-01T00:00:01Z".parse().unwrap()));
    for odd in [
        json!({"status": "taken"}),
        json!({"status": "taken", "reference": "", "received_at": "yesterday"}),
        json!({"status": "taken", "reference": "x".repeat(101), "received_at": null}),
    ] {
        assert!(matches!(
            take(odd),
            Outcome::Taken { local_reference: None, local_received_at: None, mapping: None }
        ));
    }
    let other = json!({"status": "taken", "request_id": Uuid::from_u128(9)});
    assert_eq!(sort(&take(other)), "unwell");
}

#[test]
fn returns_must_explain_themselves() {
    let turn = |reasons: Value, text: &str| {
        let body = json!({"status": "returned", "reasons": reasons, "text": text});
        delivery(&reply(200, &body.to_string()), &demand(), now())
    };
    let Outcome::Returned(message) = turn(json!(["target_inaccurate"]), "单元代码与坐落不对应")
    else {
        panic!()
    };
    assert_eq!((message.request_id, message.decided_at), (demand().request_id, now()));
    for (reasons, text) in [
        (json!(["target_inaccurate"]), "退回"),
        (json!([]), "单元代码与坐落不对应"),
        (json!(["because"]), "单元代码与坐落不对应"),
        (json!(["register_mismatch"]), "权利人与登记簿记载不一致"),
    ] {
        assert!(matches!(turn(reasons, text), Outcome::Refused { code, .. } if code == "return_unusable"));
    }
}

#[test]
fn reasons_name_no_person() {
    let text = format!("拒收 {} 13800000000\nx", PERSONS.join("，"));
    let body = json!({"status": "refused", "code": PERSONS[1], "reason": text}).to_string();
    let Outcome::Refused { code, reason } = delivery(&reply(422, &body), &demand(), now()) else { panic!() };
    assert_eq!(code, "unnamed");
    assert!(reason.starts_with("拒收 …") && reason.ends_with(" x"), "{reason}");
    for person in PERSONS {
        assert!(!reason.contains(person), "{reason}");
    }
    let html = format!("<html>{}", PERSONS[0]);
    for status in [200, 404, 500] {
        let Outcome::Unwell { reason, .. } = delivery(&reply(status, &html), &demand(), now()) else {
            panic!()
        };
        assert!(!reason.contains(PERSONS[0]));
    }
}

#[test]
fn the_wish_to_be_left_alone_is_heard() {
    let wait = |text: &str| {
        let reply = Reply::Answered { status: 503, retry_after: Some(text.into()), body: vec![] };
        match delivery(&reply, &demand(), now()) {
            Outcome::Unwell { retry_after, .. } => retry_after.map(|wait| wait.as_secs()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(wait("7"), Some(7));
    assert_eq!(wait("Thu, 01 Jan 2026 00:00:09 GMT"), Some(9));
    assert_eq!(wait("Wed, 31 Dec 2025 00:00:00 GMT"), None, "past");
    assert_eq!(wait("999999999"), Some(3600));
    assert_eq!(wait("soon"), None);
}

#[test]
fn other_calls_fail_for_now_or_for_good() {
    for (status, transient) in [
        (200, None),
        (204, None),
        (202, Some(false)),
        (302, Some(false)),
        (401, Some(false)),
        (404, Some(false)),
        (408, Some(true)),
        (429, Some(true)),
        (500, Some(true)),
        (503, Some(true)),
    ] {
        let verdict = done(reply(status, "")).err().map(|error| error.is_transient());
        assert_eq!(verdict, transient, "HTTP {status}");
    }
    assert!(done(Reply::Failed(Failure::Oversize(1))).unwrap_err().is_transient());
    assert_eq!(sort(&delivery(&Reply::Failed(Failure::Oversize(1)), &demand(), now())), "unwell");
}

#[test]
fn a_system_without_a_link_of_its_own_has_nothing_to_offer() {
    for status in [404, 405, 501] {
        assert_eq!(list_if_known(reply(status, "")).unwrap(), None, "HTTP {status}");
    }
    assert_eq!(list_if_known(reply(200, "{}")).unwrap().as_deref(), Some(&b"{}"[..]));
    for (status, transient) in [(503, true), (429, true), (401, false), (202, false)] {
        assert_eq!(list_if_known(reply(status, "")).unwrap_err().is_transient(), transient, "HTTP {status}");
    }
}
