//! Opening a dispute: the evidence is frozen in one statement, the common superior court is named from the court table,
//! and nothing about the order changes.

use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use xiezhi_domain::{
    order::{self, Received},
    superior::{Superior, common_superior},
};
use xiezhi_schemas::{courts, identifier::CourtCode, message::Kind};

use super::log::{actor, must_say};
use crate::{
    audit,
    http::{auth::Caller, codes, problem::Problem},
    store::{
        Store, StoreError, decode,
        disputes::{self as table, NewDispute},
        matters::{self, MatterKind},
        principals::Role,
        requests,
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

/// What the frozen evidence says, as far as it is computed with.
#[derive(Debug, Deserialize)]
struct Evidence {
    requests: Vec<Standing>,
}

#[derive(Debug, Deserialize)]
struct Standing {
    request_id: Uuid,
    court_code: CourtCode,
    kind: Kind,
    state: xiezhi_domain::State,
    receipt: Option<Receipt>,
}

#[derive(Debug, Deserialize)]
struct Receipt {
    no: i64,
    delivered_at: jiff::Timestamp,
}

impl Standing {
    fn received(&self) -> Option<Received> {
        let receipt = self.receipt.as_ref()?;
        Some(Received {
            request_id: self.request_id,
            kind: self.kind,
            delivered_at: receipt.delivered_at,
            no: receipt.no,
            state: self.state,
        })
    }
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
    let text = table::evidence(&tx, &unit_key, &registry, &body.request_ids).await?;
    let evidence: Evidence = serde_json::from_str(&text).map_err(|e| decode("dispute.evidence", e))?;
    if evidence.requests.len() < 2 {
        return Err(parties("no other demand stands on this property unit, so there is no order to dispute"));
    }
    let received: Vec<Received> = evidence.requests.iter().filter_map(Standing::received).collect();
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
    let dispute_id = Uuid::now_v7();
    let now = requests::clock(&tx).await?;
    matters::insert(&tx, dispute_id, MatterKind::Dispute, now, actor(caller), &body.reason).await?;
    let new = NewDispute {
        dispute_id,
        unit_key: &unit_key,
        registry: &registry,
        superior: &serde_json::to_value(&superior).expect("a superior court is plain data"),
        evidence: text.as_bytes(),
        evidence_sha256: &digest,
        parties: &rows,
    };
    table::insert(&tx, &new).await?;
    // The digest stands in the audit's chain too, so that the evidence cannot be exchanged later.
    let object = format!("dispute {dispute_id} evidence {}", hex::encode(&digest));
    audit::record(&tx, &caller.name, caller.role.as_str(), "dispute.open", &object).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    tracing::info!(%dispute_id, registry, parties = rows.len(), "a dispute about the order was opened");
    Ok(dispute_id)
}
