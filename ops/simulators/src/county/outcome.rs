//! Decisions as the county tells them: the JSON of a result (回执) or a return (退回).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{filing::Filing, register::Decision};

/// The outcome of a decision in the published form: `{"result": …}` or `{"return": …}`.
pub(super) fn outcome(filing: &Filing, decision: &Decision, business: &str, at: Timestamp) -> Value {
    let registration = match decision {
        Decision::Returned(reason, text) => {
            return json!({"return": {"request_id": filing.request_id, "registry": filing.registry,
                "reasons": [reason], "text": text, "decided_at": at}});
        }
        Decision::Lifted => json!({"status": "lifted", "business_number": business, "registered_at": at}),
        Decision::Entered { waiting_position: None, from, to } => {
            json!({"status": "formal", "business_number": business, "registered_at": at,
                "period_from": from, "period_to": to})
        }
        Decision::Entered { waiting_position, from, to } => {
            json!({"status": "waiting", "waiting_position": waiting_position, "business_number": business,
                "registered_at": at, "period_from": from, "period_to": to})
        }
    };
    json!({"result": {"request_id": filing.request_id, "registry": filing.registry,
        "registration": registration}})
}

/// Another outcome for the same request: what was registered is returned, what was returned is registered.
pub(super) fn contradiction(filing: &Filing, decision: &Decision, business: &str, at: Timestamp) -> Value {
    let other = match (decision, filing.period) {
        (Decision::Returned(..), Some(period)) => {
            Decision::Entered { waiting_position: None, from: period.from, to: period.to }
        }
        (Decision::Returned(..), None) => Decision::Lifted,
        _ => Decision::Returned("target_inaccurate", "复核发现标的物与登记簿记载不一致，撤销此前登记结果"),
    };
    outcome(filing, &other, &format!("{business}B"), at)
}
