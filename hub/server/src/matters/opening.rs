//! Opening a dispute: the evidence is frozen in one statement, the common superior court is named from the court table, the
//! courts whose demands stand there are told, and nothing about the order changes.
//!
//! People open disputes; the hub itself does where a receipt that was entered late stands before what is registered.

use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use xiezhi_domain::{
    order::{self, Received},
    superior::{Superior, common_superior},
};
use xiezhi_schemas::{
    courts,
    identifier::CourtCode,
    message::{DisputeCause, DisputeEvidenceMessage, DisputeNotice, EvidenceRequest, FeedbackBody},
};

use super::log::{actor, must_say};
use crate::{
    audit,
    http::{auth::Caller, codes, problem::Problem},
    store::{
        Store, StoreError, Transaction, decode,
        disputes::{self as table, NewDispute},
        matters::{self, Actor, MatterKind},
        principals::Role,
        requests::{self, Changes},
    },
};

/// Body of `POST /v1/disputes`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DisputeBody {
    /// The requests whose order is disputed, all of one property unit. A court names its own; every other demand that
    /// stands on the unit becomes a party by itself.
    #[schemars(length(min = 1, max = 100))]
    pub(super) request_ids: Vec<Uuid>,
    /// What is disputed, in words.
    #[schemars(length(min = 5, max = 4000))]
    pub(super) reason: String,
}

/// The receipt of a demand, as the order asks for it; none without one.
fn received(request: &EvidenceRequest) -> Result<Option<Received>, StoreError> {
    let Some(receipt) = &request.receipt else { return Ok(None) };
    Ok(Some(Received {
        request_id: request.request_id,
        kind: request.kind,
        delivered_at: receipt.delivered_at,
        no: receipt.no,
        state: request.state.parse().map_err(|e| decode("request.state", e))?,
    }))
}

/// The court above one, by the table.
pub(super) fn above(court: &CourtCode) -> Option<CourtCode> {
    courts::find(court)?.superior.clone()
}

/// Who settles a dispute between these courts; demands of one court count once.
pub(super) fn superior(parties: impl IntoIterator<Item = CourtCode>) -> Superior {
    let mut parties: Vec<CourtCode> = parties.into_iter().collect();
    parties.sort_unstable();
    parties.dedup();
    common_superior(&parties, above)
}

fn parties(detail: impl Into<String>) -> Problem {
    Problem::new(codes::DISPUTE_PARTIES, detail)
}

/// Opens a dispute and gives its id.
///
/// # Errors
/// When the requests are not the caller's to dispute, not of one unit, or nobody else stands there.
pub(super) async fn open(store: &Store, caller: &Caller, body: &DisputeBody) -> Result<Uuid, Problem> {
    must_say(&body.reason, "/reason")?;
    let mut client = store.client().await?;
    let named = table::named(&client, &body.request_ids).await?;
    let own = |sender: &str| caller.role == Role::Operator || sender == caller.name;
    // What is not there and what is somebody else's look alike.
    if named.iter().any(|n| !own(&n.sender))
        || body.request_ids.iter().any(|id| !named.iter().any(|n| n.request_id == *id))
    {
        return Err(Problem::not_found());
    }
    let Some(first) = named.first() else { return Err(parties("no request is named")) };
    let (unit_key, registry) = (first.unit_key.clone(), first.registry.clone());
    if named.iter().any(|n| (&n.unit_key, &n.registry) != (&unit_key, &registry)) {
        return Err(parties(
            "the requests are of several property units; one dispute is about one unit at one registry",
        ));
    }
    let tx = client.transaction().await.map_err(StoreError::from)?;
    let dispute_id = Uuid::now_v7();
    let opening = Opening {
        dispute_id,
        unit_key: &unit_key,
        registry: &registry,
        requests: &body.request_ids,
        late_request: None,
        actor: actor(caller),
        reason: &body.reason,
    };
    let mut news = Changes::default();
    if !freeze(&tx, &opening, &mut news).await? {
        return Err(parties("no other demand stands on this property unit, so there is no order to dispute"));
    }
    news.write(&tx).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    Ok(dispute_id)
}

/// A receipt that was entered late and stands before demands that are registered already.
#[derive(Debug)]
pub(crate) struct Conflict {
    /// Id that its dispute gets.
    pub(crate) dispute_id: Uuid,
    /// The request that was received late.
    pub(crate) request_id: Uuid,
    /// Its property unit.
    pub(crate) unit_key: String,
    /// Its registry.
    pub(crate) registry: String,
    /// What happened, in words.
    pub(crate) reason: String,
}

/// Opens a dispute for each of these conflicts and tells the courts, in the transaction that recorded the receipts. What
/// changed about requests must be written already, so that the evidence holds it; afterwards only streams of courts may be locked.
///
/// # Errors
/// When a statement fails.
pub(crate) async fn open_conflicts(tx: &Transaction<'_>, conflicts: &[Conflict]) -> Result<(), StoreError> {
    let mut news = Changes::default();
    for conflict in conflicts {
        let opening = Opening {
            dispute_id: conflict.dispute_id,
            unit_key: &conflict.unit_key,
            registry: &conflict.registry,
            requests: &[conflict.request_id],
            late_request: Some(conflict.request_id),
            actor: Actor { name: "hub", role: "hub" },
            reason: &conflict.reason,
        };
        // Another demand stands there, or there would be no conflict.
        freeze(tx, &opening, &mut news).await?;
    }
    news.write(tx).await
}

/// A dispute about to be opened.
struct Opening<'a> {
    dispute_id: Uuid,
    unit_key: &'a str,
    registry: &'a str,
    requests: &'a [Uuid],
    /// The late receipt, when the hub opens it.
    late_request: Option<Uuid>,
    actor: Actor<'a>,
    reason: &'a str,
}

/// Freezes the evidence and writes the dispute, its first entry and its line in the audit; the news for the courts are noted
/// in `news`. False, and nothing written, when fewer than two demands are concerned.
async fn freeze(tx: &Transaction<'_>, opening: &Opening<'_>, news: &mut Changes) -> Result<bool, StoreError> {
    let Opening { dispute_id, unit_key, registry, actor, .. } = *opening;
    let text = table::evidence(tx, unit_key, registry, opening.requests).await?;
    // Read as others will read it: what does not fit the published schema is never frozen.
    let evidence: DisputeEvidenceMessage =
        serde_json::from_str(&text).map_err(|e| decode("dispute.evidence", e))?;
    let evidence = evidence.into_evidence();
    if evidence.requests.len() < 2 {
        return Ok(false);
    }
    let mut received = Vec::with_capacity(evidence.requests.len());
    for request in &evidence.requests {
        received.extend(self::received(request)?);
    }
    let ranked = order::order(&received, None);
    let place = |id: Uuid| {
        let place = ranked.iter().position(|r| r.request_id == id)?;
        i32::try_from(place + 1).ok()
    };
    let rows: Vec<(Uuid, String, Option<i32>)> = evidence
        .requests
        .iter()
        .map(|s| (s.request_id, s.court_code.to_string(), place(s.request_id)))
        .collect();
    let superior = superior(evidence.requests.into_iter().map(|s| s.court_code));
    let digest = Sha256::digest(&text).to_vec();
    let now = requests::clock(tx).await?;
    matters::insert(tx, dispute_id, MatterKind::Dispute, now, actor, opening.reason).await?;
    let cause = if opening.late_request.is_some() { DisputeCause::LateReceipt } else { DisputeCause::Person };
    let new = NewDispute {
        dispute_id,
        cause,
        late_request: opening.late_request,
        unit_key,
        registry,
        superior: &serde_json::to_value(&superior).expect("a superior court is plain data"),
        evidence: text.as_bytes(),
        evidence_sha256: &digest,
        parties: &rows,
    };
    table::insert(tx, &new).await?;
    // The digest stands in the audit's chain too, so that the evidence cannot be exchanged later.
    let object = format!("dispute {dispute_id} evidence {}", hex::encode(&digest));
    audit::record(tx, actor.name, actor.role, "dispute.open", &object).await?;
    let settles = match superior {
        Superior::Court { code } | Superior::OneCourt { code } => Some(code.to_string()),
        Superior::NoneAbove | Superior::Unknown { .. } => None,
    };
    for (request_id, _, place) in &rows {
        let place = place.map(i32::unsigned_abs);
        let notice = DisputeNotice { dispute_id, cause, superior: settles.clone(), place };
        news.tell(*request_id, FeedbackBody::DisputeOpened(notice));
    }
    tracing::info!(%dispute_id, registry, cause = cause.as_str(), parties = rows.len(), "a dispute about the order was opened");
    Ok(true)
}
