//! The decision of the common superior court: recorded with its document, and the only thing that moves a demand.

use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;
use xiezhi_domain::{
    order::{self, Received, SuperiorDecision},
    superior::may_decide,
};
use xiezhi_schemas::{
    identifier::{self, CourtCode},
    message::FeedbackBody,
};

use super::{
    log::{EntryDocument, actor, must_have, write},
    opening::above,
};
use crate::{
    http::{auth::Caller, codes, problem::Problem},
    store::{
        Store, StoreError, decode,
        disputes::{self as table, Decision, Filter, Line},
        matters::{EntryKind, MatterKind, NewEntry},
        requests::{self, Changes, NewEvent},
    },
};

/// Body of `POST /v1/disputes/{dispute_id}/order`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderBody {
    /// 法院代字 of the court that decided.
    decided_by: CourtCode,
    /// The day of its document; not in the future.
    decided_on: Date,
    /// Number of its document.
    #[schemars(length(min = 3, max = 100))]
    document_number: String,
    /// The document itself, uploaded before.
    document: EntryDocument,
    /// Every demand of the dispute that has a rank, from the first to the last.
    #[schemars(length(min = 2, max = 100))]
    order: Vec<Uuid>,
}

/// How one demand moved.
struct Moved {
    request_id: Uuid,
    before: usize,
    now: usize,
}

fn refused(detail: impl Into<String>) -> Problem {
    Problem::new(codes::ORDER_DECISION, detail)
}

/// Records the decision, moves the demands, closes the dispute and tells the courts.
///
/// # Errors
/// When the court may not decide, its document is missing, the order is not one of the standing demands, or the dispute
/// is closed; the order stays as it is then.
pub(super) async fn decide(
    store: &Store,
    caller: &Caller,
    dispute_id: Uuid,
    body: &OrderBody,
) -> Result<(), Problem> {
    let mut client = store.client().await?;
    let filter = Filter { dispute_id: Some(dispute_id), ..Filter::default() };
    let dispute =
        table::page(&client, &filter, 1).await?.into_iter().next().ok_or_else(Problem::not_found)?;
    let parties = table::parties(&client, &[dispute_id]).await?;
    check_court(body, &parties)?;
    must_have(&client, &caller.name, &body.document.sha256, "/document/sha256").await?;
    let decision = SuperiorDecision::new(body.order.clone()).map_err(|error| refused(error.to_string()))?;

    let tx = client.transaction().await.map_err(StoreError::from)?;
    let ids: Vec<Uuid> = parties.iter().map(|p| p.request_id).collect();
    // Under these locks nobody loses or gets a rank, and no other decision on the unit is recorded.
    requests::lock(&tx, &ids).await?;
    let before = table::in_force(&*tx, &dispute.unit_key, &dispute.registry).await?;
    let received = table::receipts(&*tx, &dispute.unit_key, &dispute.registry).await?;
    let standing: Vec<Uuid> =
        order::order(&received, None).iter().map(|r| r.request_id).filter(|id| ids.contains(id)).collect();
    check_order(&body.order, &standing)?;
    let moved = moves(&received, before.as_ref(), &decision, &standing);

    let now = requests::clock(&tx).await?;
    let recorded = Decision {
        decision_id: Uuid::now_v7(),
        dispute_id,
        decided_by: body.decided_by.to_string(),
        decided_on: body.decided_on,
        document_number: body.document_number.clone(),
        document_sha256: body.document.sha256.to_string(),
        request_ids: body.order.clone(),
        recorded_at: now,
        recorded_by: caller.name.clone(),
    };
    table::insert_decision(&tx, &recorded, &dispute.unit_key, &dispute.registry).await?;
    let text = format!("{} decided by {} on {}", body.document_number, body.decided_by, body.decided_on);
    let entry = NewEntry {
        kind: EntryKind::OrderDecided,
        text: &text,
        document: Some((body.document.sha256.as_str(), &body.document.name)),
    };
    write(&tx, (MatterKind::Dispute, dispute_id), actor(caller), &entry).await?;
    let changes = announce(&dispute, &recorded, &moved, now);
    changes.write(&tx).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    let count = moved.iter().filter(|m| m.before != m.now).count();
    tracing::warn!(%dispute_id, registry = dispute.registry, moved = count, "the superior court's order was recorded");
    Ok(())
}

fn check_court(body: &OrderBody, parties: &[table::Party]) -> Result<(), Problem> {
    if body.decided_on > identifier::today() {
        return Err(refused("the document is dated in the future"));
    }
    let mut courts: Vec<CourtCode> = parties
        .iter()
        .map(|p| p.court_code.parse().map_err(|e| decode("dispute_request.court_code", e)))
        .collect::<Result<_, _>>()?;
    courts.sort_unstable();
    courts.dedup();
    if may_decide(&body.decided_by, &courts, above) {
        return Ok(());
    }
    Err(refused(format!(
        "by the court table {} is not above all courts of this dispute; only their common superior court (共同上级人民法院) \
         decides, and 最高法 where the table does not know one",
        body.decided_by
    )))
}

/// The decided order names each standing demand of the dispute once, and nothing else.
fn check_order(decided: &[Uuid], standing: &[Uuid]) -> Result<(), Problem> {
    if let Some(strange) = decided.iter().find(|id| !standing.contains(id)) {
        return Err(refused(format!(
            "request {strange} has no rank in this dispute, so it cannot be placed"
        )));
    }
    match standing.iter().find(|id| !decided.contains(id)) {
        Some(missing) => {
            Err(refused(format!("request {missing} has a rank in this dispute and is not placed")))
        }
        None => Ok(()),
    }
}

/// Places on the whole unit before and now, of the demands that the decision names.
fn moves(
    received: &[Received],
    before: Option<&SuperiorDecision>,
    now: &SuperiorDecision,
    standing: &[Uuid],
) -> Vec<Moved> {
    let (before, now) = (order::order(received, before), order::order(received, Some(now)));
    let place = |order: &[Received], id: Uuid| {
        order.iter().position(|r| r.request_id == id).expect("what stands is in the order") + 1
    };
    standing
        .iter()
        .map(|id| Moved { request_id: *id, before: place(&before, *id), now: place(&now, *id) })
        .collect()
}

/// One event for each demand that moved, and the news for every court whose demand stands.
fn announce(dispute: &Line, decision: &Decision, moved: &[Moved], at: Timestamp) -> Changes {
    let mut changes = Changes::default();
    for Moved { request_id, before, now } in moved {
        if before != now {
            changes.event(NewEvent {
                at,
                kind: "order_changed",
                request_id: Some(*request_id),
                detail: json!({
                    "dispute_id": dispute.dispute_id, "decision_id": decision.decision_id,
                    "decided_by": decision.decided_by, "document_number": decision.document_number,
                    "recorded_by": decision.recorded_by, "place_before": before, "place_now": now,
                }),
            });
        }
        let place = |place: &usize| u32::try_from(*place).unwrap_or(u32::MAX);
        let news = FeedbackBody::OrderDecided {
            dispute_id: dispute.dispute_id,
            decided_by: decision.decided_by.clone(),
            document_number: decision.document_number.clone(),
            place_before: place(before),
            place_now: place(now),
        };
        changes.tell(*request_id, news);
    }
    changes
}
