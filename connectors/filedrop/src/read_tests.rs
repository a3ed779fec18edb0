#![allow(clippy::unwrap_used, reason = "a test may panic")]
use connector_mapping::Charset;

use super::*;
use crate::config::Format;

const ID: u128 = 0xab;

fn codec() -> Codec {
    Codec::new(Format::Xml, Charset::Utf8, None)
}

fn ask(question: Question, ending: Ending, text: &str) -> Result<Answer, (Fault, String)> {
    answer(&codec(), (text.as_bytes(), ending), question, ("n1", Uuid::from_u128(ID)))
        .map_err(|wrong| (wrong.fault, wrong.place))
}

fn xml(number: &str, data: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><Message><Head><BizMsgID>{number}</BizMsgID></Head><Data>{data}</Data></Message>"#
    )
}

fn yes(reference: Option<&str>) -> Answer {
    Answer::Yes { reference: reference.map(str::to_owned), received_at: None }
}

#[test]
fn answers_of_both_forms_say_the_same() {
    use Question::{Demand, Void, Wish};
    for (question, json, data, expected) in [
        (
            Demand,
            r#""status":"taken","reference":"SJ1""#,
            "<SuccessFlag>1</SuccessFlag><ResponseCode>0000</ResponseCode><Reference>SJ1</Reference>",
            yes(Some("SJ1")),
        ),
        (
            Demand,
            r#""status":"refused","code":"E1","reason":"no""#,
            "<SuccessFlag>0</SuccessFlag><ResponseCode>E1</ResponseCode><ResponseInfo>no</ResponseInfo>",
            Answer::No { code: Some("E1".into()), reason: Some("no".into()) },
        ),
        (
            Demand,
            r#""status":"returned","reasons":["other","period_missing"],"text":"why","decided_at":"2026-01-05T09:30:00+08:00""#,
            "<SuccessFlag>2</SuccessFlag><Reason>other</Reason><Reason>period_missing</Reason><ResponseInfo>why</ResponseInfo><DecidedAt>2026-01-05T09:30:00+08:00</DecidedAt>",
            Answer::Returned {
                reasons: vec![ReturnReason::Other, ReturnReason::PeriodMissing],
                text: "why".into(),
                differing_fields: vec![],
                decided_at: Some("2026-01-05T01:30:00Z".parse().unwrap()),
            },
        ),
        (
            Void,
            r#""status":"voided""#,
            "<SuccessFlag>1</SuccessFlag><ResponseInfo>/</ResponseInfo>",
            yes(None),
        ),
        (Wish, r#""status":"held""#, "<SuccessFlag>1</SuccessFlag>", yes(None)),
        (
            Wish,
            r#""status":"unsupported""#,
            "<SuccessFlag>0</SuccessFlag>",
            Answer::No { code: None, reason: None },
        ),
    ] {
        let text = format!(r#"{{"biz_msg_id":"n1",{json}}}"#);
        assert_eq!(ask(question, Ending::Json, &text).unwrap(), expected);
        assert_eq!(ask(question, Ending::Xml, &xml("n1", data)).unwrap(), expected);
    }
}

/// Nothing that is odd in any way is read as an answer, least of all as `taken`.
#[test]
fn odd_answers_are_no_answers() {
    use Ending::{Json, Xml};
    use Fault::{Contradictory, NotUnderstood, Unreadable};
    let taken = "<SuccessFlag>1</SuccessFlag>";
    let whole = xml("n1", taken);
    for (ending, text, fault, place) in [
        (Json, r#"{"biz_msg_id":"n2","status":"taken"}"#, Contradictory, "BizMsgID"),
        (
            Json,
            r#"{"biz_msg_id":"n1","status":"taken","request_id":"00000000-0000-0000-0000-0000000000ac"}"#,
            Contradictory,
            "request_id",
        ),
        (Json, r#"{"biz_msg_id":"n1","status":"held"}"#, NotUnderstood, "status"),
        (Json, r#"{"biz_msg_id":"n1","status":"TAKEN"}"#, NotUnderstood, "status"),
        (Json, r#"{"status":"taken"}"#, NotUnderstood, ""),
        (Json, r#"{"biz_msg_id":"n1","status":"returned","reasons":["unheard"]}"#, NotUnderstood, "reasons"),
        (Xml, &xml("n2", taken), Contradictory, "BizMsgID"),
        (Xml, &xml("n1", "<SuccessFlag>9</SuccessFlag>"), NotUnderstood, "SuccessFlag"),
        (Xml, &xml("n1", ""), NotUnderstood, "SuccessFlag"),
        (Xml, &xml("/", taken), NotUnderstood, "BizMsgID"),
        (Xml, "", Unreadable, ""),
        (
            Xml,
            "<!DOCTYPE m [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><Message>&x;</Message>",
            Unreadable,
            "",
        ),
        (Xml, &whole.replace("UTF-8", "GB18030"), Unreadable, ""),
        (
            Xml,
            &xml("n1", "<SuccessFlag>1</SuccessFlag><ResponseInfo>锟斤拷</ResponseInfo>"),
            Unreadable,
            ".Message.Data.ResponseInfo",
        ),
    ] {
        assert_eq!(ask(Question::Demand, ending, text), Err((fault, place.to_owned())), "{text}");
    }
    assert!(
        ask(Question::Demand, Json, r#"{"biz_msg_id":"n1","status":"refused","status":"taken"}"#).is_err()
    );
    // Cut anywhere, it is nothing.
    for length in 0..whole.len() {
        if let Some(half) = whole.get(..length) {
            assert!(ask(Question::Demand, Xml, half).is_err(), "cut at {length}");
        }
    }
    // A60: entities that grow are never expanded.
    let bomb = r#"<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><l>&b;</l>"#;
    assert_eq!(ask(Question::Demand, Xml, bomb), Err((Unreadable, String::new())));
}

#[test]
fn character_sets_are_what_they_say() {
    let text = xml("n1", "<SuccessFlag>0</SuccessFlag><ResponseInfo>无此宗地</ResponseInfo>");
    let gb = Codec::new(Format::Xml, Charset::Gb18030, None);
    let told = text.replace("UTF-8", "GB18030");
    let (bytes, utf8) = (gb_bytes(&told), told.into_bytes());
    let ask = |codec: &Codec, bytes: &[u8]| {
        answer(codec, (bytes, Ending::Xml), Question::Demand, ("n1", Uuid::from_u128(ID)))
    };
    let said = Answer::No { code: None, reason: Some("无此宗地".into()) };
    assert_eq!(ask(&gb, &bytes).unwrap(), said);
    for (codec, bytes) in [(&gb, utf8.as_slice()), (&codec(), &bytes), (&codec(), &utf8)] {
        assert_eq!(ask(codec, bytes).unwrap_err().fault, Fault::Unreadable);
    }
}

/// GB18030 of the characters that this test needs.
fn gb_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for c in text.chars() {
        match c {
            '无' => bytes.extend([0xce, 0xde]),
            '此' => bytes.extend([0xb4, 0xcb]),
            '宗' => bytes.extend([0xd7, 0xda]),
            '地' => bytes.extend([0xb5, 0xd8]),
            c => bytes.push(u8::try_from(c).unwrap()),
        }
    }
    bytes
}

#[test]
fn outcomes_belong_to_their_folder() {
    let registry: RegistryCode = "320102".parse().unwrap();
    let read = |ending, text: &str| {
        outcome(&codec(), (text.as_bytes(), ending), "JG-1", &registry).map_err(|wrong| wrong.fault)
    };
    let result = |registry: &str| {
        format!(
            r#"{{"schema":"xiezhi.result.v1","request_id":"00000000-0000-0000-0000-000000000001","registry":"{registry}",
            "registration":{{"status":"lifted","business_number":"YW1","registered_at":"2026-01-01T00:00:00Z"}}}}"#
        )
    };
    let good = read(Ending::Json, &result("320102")).unwrap();
    assert_eq!((good.outcome_id.as_str(), good.message.request_id()), ("JG-1", Uuid::from_u128(1)));
    assert_eq!(read(Ending::Json, &result("320104")).unwrap_err(), Fault::Contradictory);
    assert_eq!(read(Ending::Json, "{}").unwrap_err(), Fault::NotUnderstood);
    assert_eq!(read(Ending::Json, "{").unwrap_err(), Fault::Unreadable);
    let same = xml(
        "/",
        "<result><request_id>00000000-0000-0000-0000-000000000001</request_id><registry>320102</registry><registration>\
        <status>lifted</status><business_number>YW1</business_number><registered_at>2026-01-01T00:00:00Z</registered_at></registration></result>",
    );
    assert_eq!(read(Ending::Xml, &same).unwrap().message, good.message);
    assert_eq!(read(Ending::Xml, &same.replace("lifted", "gone")).unwrap_err(), Fault::NotUnderstood);
}

#[test]
fn receipts_of_the_link_are_read_whatever_their_demands_say() {
    let registry: RegistryCode = "320102".parse().unwrap();
    let text = r#"{"schema":"xiezhi.local-receipt.v1","registry":"320102","connector":"x","local":{"number":"L-1",
        "received_at":"2026-01-01T00:00:00Z","system":"某系统"},"demand":{"kind":"x"}}"#;
    let read = |text: &str| {
        local_receipt(&codec(), (text.as_bytes(), Ending::Json), "DD-1", &registry)
            .map_err(|wrong| wrong.fault)
    };
    let offer = read(text).unwrap();
    assert_eq!((offer.receipt_id.as_str(), &offer.demand["kind"]), ("DD-1", &"x".into()));
    assert_eq!(read(&text.replace("320102", "320104")).unwrap_err(), Fault::Contradictory);
    assert_eq!(read(&text.replace("receipt.v1", "receipt.v9")).unwrap_err(), Fault::NotUnderstood);
}
