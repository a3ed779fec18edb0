//! A demand as `hub show` tells it to a person: where it stands first, then the receipt, the result and the last events.

use std::fmt::Write as _;

use serde_json::Value;

use super::output::printable;

/// Events at the end of a timeline that are told; the rest with `--all`.
const LAST_EVENTS: usize = 8;

/// The text of an answer of `GET /v1/demands/{id}`.
pub(super) fn brief(shown: &Value) -> String {
    let mut text = format!("demand {} of {}\n", at(shown, "/demand_id"), at(shown, "/sender"));
    for request in shown.get("requests").and_then(Value::as_array).into_iter().flatten() {
        text.push('\n');
        one(request, &mut text);
    }
    text
}

fn one(request: &Value, text: &mut String) {
    let mut line = |label: &str, value: String| {
        writeln!(text, "{label:<10}{value}").expect("a String takes any text");
    };
    let attempt = request.get("attempt").and_then(Value::as_i64).filter(|attempt| *attempt > 1);
    let attempt = attempt.map(|n| format!(" (attempt {n})")).unwrap_or_default();
    line("state", format!("{}{attempt}", at(request, "/state")));
    if request.get("receipt").is_some() {
        let (no, when) = (at(request, "/receipt/no"), at(request, "/receipt/delivered_at"));
        line("received", format!("送达 no. {no} at registry {}, {when}", at(request, "/receipt/registry")));
    }
    if let Some(result) = request.get("result") {
        let status = result.pointer("/body/registration/status").and_then(Value::as_str);
        let status = status.map(|status| format!(" ({})", printable(status))).unwrap_or_default();
        line("result", format!("{}{status}, {}", at(result, "/outcome"), at(result, "/received_at")));
    }
    line("kind", format!("{} of unit {}", at(request, "/kind"), at(request, "/unit_code")));
    line("case", at(request, "/case_number"));
    line("registry", at(request, "/registry"));
    line("request", at(request, "/request_id"));
    line("accepted", at(request, "/accepted_at"));
    let timeline = request.get("timeline").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let left_out = timeline.len().saturating_sub(LAST_EVENTS);
    line("events", if left_out > 0 { format!("{left_out} earlier ones: --all") } else { String::new() });
    for entry in &timeline[left_out..] {
        let tier = entry.get("tier").map(|_| at(entry, "/tier")).unwrap_or_default();
        let told = format!("  {}  {:<13} {tier}", at(entry, "/at"), at(entry, "/event"));
        text.push_str(told.trim_end());
        text.push('\n');
    }
}

/// The value at a JSON pointer as text; a dash when there is none.
fn at(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => printable(text),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn where_it_stands_comes_first_and_old_events_are_counted() {
        let event =
            |n: usize| json!({"at": format!("t{n}"), "event": "sent", "tier": "court", "detail": {"x": n}});
        let timeline: Vec<_> = (1..=10).map(event).collect();
        let text = brief(&json!({
            "sender": "court-a", "demand_id": "d-1", "requests": [{
                "request_id": "r-1", "state": "registered", "attempt": 2, "kind": "seizure", "unit_code": "U\u{1b}1",
                "case_number": "（2024）苏0102执1号", "registry": "320102", "accepted_at": "t0",
                "receipt": {"registry": "320102", "no": 3, "delivered_at": "t5", "hash": "00"},
                "result": {"outcome": "registered", "received_at": "t9", "body": {"registration": {"status": "formal"}}},
                "timeline": timeline,
            }],
        }));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[..3], ["demand d-1 of court-a", "", "state     registered (attempt 2)"]);
        assert_eq!(lines[3], "received  送达 no. 3 at registry 320102, t5");
        assert_eq!(lines[4], "result    registered (formal), t9");
        assert_eq!(lines[5], "kind      seizure of unit U\\u{1b}1");
        assert!(text.contains("events    2 earlier ones: --all\n  t3  sent          court\n"), "{text}");
        assert_eq!(lines.len(), 11 + 8);
        assert!(!text.contains("hash"));
    }
}
