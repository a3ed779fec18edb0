//! Decisions as the county tells them: the JSON of a result (回执) or a return (退回).

use jiff::{Timestamp, civil::Date};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    filing::Filing,
    register::{Decision, MISMATCH},
};

/// The outcome of a decision in the published form: `{"result": …}` or `{"return": …}`.
pub(super) fn outcome(filing: &Filing, decision: &Decision, business: &str, at: Timestamp) -> Value {
    let registration = match decision {
        Decision::Returned(reason, text) => {
            let differing = if *reason == MISMATCH { json!(["certificate"]) } else { json!([]) };
            return json!({"return": {"request_id": filing.request_id, "registry": filing.registry,
                "reasons": [reason], "text": text, "differing_fields": differing, "decided_at": at}});
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

/// A waiting seizure became formal; the period is the one that the county holds for it now.
pub(super) fn conversion(filing: &Filing, business: &str, at: Timestamp, (from, to): (Date, Date)) -> Value {
    json!({"conversion": {"request_id": filing.request_id, "registry": filing.registry,
        "business_number": business, "formal_since": at, "period_from": from, "period_to": to}})
}

/// The registry agrees to a withdrawal: a return for that reason.
pub(super) fn withdrawn(filing: &Filing, at: Timestamp) -> Value {
    json!({"return": {"request_id": filing.request_id, "registry": filing.registry, "reasons": ["withdrawn"],
        "text": "经与承办法官核实，同意人民法院书面撤回申请，作退回处理", "differing_fields": [], "decided_at": at}})
}

/// The registry does not agree to a withdrawal.
pub(super) fn declined(filing: &Filing, withdrawal_id: Uuid, registered: bool, at: Timestamp) -> Value {
    let text = if registered {
        "该查封已登簿，请另行提出解封"
    } else {
        "撤回申请印章不清晰，继续办理查封登记"
    };
    json!({"declined": {"withdrawal_id": withdrawal_id, "request_id": filing.request_id,
        "registry": filing.registry, "text": text, "decided_at": at}})
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
