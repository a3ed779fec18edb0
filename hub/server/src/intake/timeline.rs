//! The road of one request as a list of dated entries, tier by tier.

use std::collections::HashMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;
use xiezhi_schemas::message::Feedback;

use crate::store::requests_read::History;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The hub accepted it.
    Accepted,
    /// It was put into the outbox again.
    SentAgain,
    /// The tier passed it on.
    PassedOn,
    /// 未送达: the road ended at the tier.
    Undelivered,
    /// An operator decided about the undelivered attempt.
    Decided,
    /// 送达: the ledger stamped the receipt.
    Delivered,
    /// The registry decided.
    Outcome,
    /// The state changed.
    State,
    /// The court was told.
    ToldCourt,
}

/// One dated entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// When, the hub's clock.
    pub at: Timestamp,
    /// What.
    pub event: Event,
    /// At which tier of the road: `court`, `ministry`, `province.32`, or `registry.320102`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// Number of the attempt it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i32>,
    /// Particulars.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

fn entry(at: Timestamp, event: Event, tier: Option<String>, attempt: Option<i32>, detail: Value) -> Entry {
    Entry { at, event, tier, attempt, detail }
}

/// The entries of each request in order of time. `provinces` names each request's province.
pub(super) fn timelines(
    history: &History,
    told: &[Feedback],
    provinces: &HashMap<Uuid, String>,
) -> HashMap<Uuid, Vec<Entry>> {
    let mut all: HashMap<Uuid, Vec<Entry>> = HashMap::new();
    let mut put = |request: Uuid, entry: Entry| all.entry(request).or_default().push(entry);
    let court = || Some("court".to_owned());
    for attempt in &history.attempts {
        let (id, number) = (attempt.request_id, Some(attempt.attempt));
        let event = if attempt.kind == "first" { Event::Accepted } else { Event::SentAgain };
        put(id, entry(attempt.created_at, event, court(), number, Value::Null));
        // On one broker the tiers route together: the confirm is the instant at which all of them passed it on (R30).
        let province = provinces.get(&id).map(|code| format!("province.{code}"));
        if let Some(at) = attempt.confirmed_at {
            for tier in [court(), Some("ministry".to_owned()), province] {
                put(id, entry(at, Event::PassedOn, tier, number, Value::Null));
            }
        }
    }
    for dead in &history.dead_letters {
        let (id, number, tier) = (dead.request_id, Some(dead.attempt), Some(dead.tier.clone()));
        let detail = json!({"cause": dead.cause, "code": dead.code});
        put(id, entry(dead.first_at, Event::Undelivered, tier, number, detail));
        if let Some(at) = dead.decided_at {
            let detail = json!({"decision": dead.status, "reason": dead.reason});
            put(id, entry(at, Event::Decided, None, number, detail));
        }
    }
    for receipt in &history.receipts {
        let mut detail = json!({
            "no": receipt.no, "hash": receipt.hash, "channel": receipt.channel, "recorded_at": receipt.recorded_at,
        });
        if let Some(evidence) = receipt.evidence_id {
            detail["evidence_id"] = json!(evidence);
        } else {
            detail["push_started_at"] = json!(receipt.push_started_at);
            detail["push_answered_at"] = json!(receipt.push_answered_at);
        }
        let tier = Some(format!("registry.{}", receipt.registry));
        let number = Some(receipt.attempt);
        put(receipt.request_id, entry(receipt.delivered_at, Event::Delivered, tier, number, detail));
    }
    for outcome in &history.outcomes {
        let detail = json!({
            "outcome": outcome.outcome, "disposition": outcome.disposition, "registered_at": outcome.registered_at,
        });
        put(outcome.request_id, entry(outcome.received_at, Event::Outcome, None, None, detail));
    }
    for line in &history.states {
        let detail = json!({"n": line.n, "state": line.state, "cause": line.cause});
        put(line.request_id, entry(line.at, Event::State, None, None, detail));
    }
    for feedback in told {
        let event = serde_json::to_value(&feedback.body).ok().and_then(|body| body.get("event").cloned());
        let detail = json!({"seq": feedback.seq, "event": event});
        put(feedback.request_id, entry(feedback.at, Event::ToldCourt, None, None, detail));
    }
    for entries in all.values_mut() {
        // Stable: what shares an instant stays in the order of the road.
        entries.sort_by_key(|entry| entry.at);
    }
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::store::requests_read::{Attempt, DeadLetter};

    #[test]
    fn the_road_is_told_in_order_with_its_tiers() {
        let id = Uuid::from_u128(1);
        let at = |second| Timestamp::from_second(second).unwrap();
        let attempt = |kind: &str, number, created, confirmed: i64| Attempt {
            request_id: id,
            kind: kind.to_owned(),
            attempt: number,
            created_at: at(created),
            confirmed_at: Some(at(confirmed)),
        };
        let history = History {
            attempts: vec![attempt("first", 1, 10, 11), attempt("replay", 2, 30, 31)],
            dead_letters: vec![DeadLetter {
                request_id: id,
                attempt: 1,
                tier: "province.32".to_owned(),
                cause: "expired".to_owned(),
                code: "HUB-4001".to_owned(),
                first_at: at(20),
                status: "replayed".to_owned(),
                decided_at: Some(at(29)),
                reason: Some("county is back".to_owned()),
            }],
            ..History::default()
        };
        let provinces = HashMap::from([(id, "32".to_owned())]);
        let told = timelines(&history, &[], &provinces);
        let road: Vec<_> = told[&id].iter().map(|e| (e.event, e.tier.as_deref().unwrap_or("-"))).collect();
        assert_eq!(
            road,
            [
                (Event::Accepted, "court"),
                (Event::PassedOn, "court"),
                (Event::PassedOn, "ministry"),
                (Event::PassedOn, "province.32"),
                (Event::Undelivered, "province.32"),
                (Event::Decided, "-"),
                (Event::SentAgain, "court"),
                (Event::PassedOn, "court"),
                (Event::PassedOn, "ministry"),
                (Event::PassedOn, "province.32"),
            ]
        );
    }
}
