//! Accepting: everything of a demand in one transaction, or nothing.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date};
use serde_json::Value;
use uuid::Uuid;
use xiezhi_schemas::{
    address::demand_routing_key,
    identifier,
    message::{DemandMessage, Digest, Placement},
};

use super::{Accepted, AcceptedRequest, canonical, check};
use crate::{
    code::chain,
    http::{
        codes,
        problem::{Item, Problem},
    },
    store::{
        Store, StoreError,
        demands::{self, Known, NewDemand, NewRequest, Shared},
        documents::Stored,
    },
    telemetry,
};

/// How a demand was answered.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Accepted now.
    New(Accepted),
    /// Accepted before: the first answer.
    Repeat(Accepted),
}

/// A body on its way through intake.
pub(super) struct Incoming {
    /// Who sends it.
    pub(super) sender: String,
    /// The bytes received.
    pub(super) bytes: Vec<u8>,
    /// What they say.
    pub(super) body: Value,
    /// Documents that came with it and are stored.
    pub(super) arriving: HashMap<Digest, Stored>,
    /// What is already known to be wrong.
    pub(super) extra: Vec<Item>,
}

/// Answers a demand that was accepted before; `None` if this one is new. Comes before all checks, because a repeat gets the
/// first answer even if a table or a rule changed since.
pub(super) async fn known(store: &Store, sender: &str, body: &Value) -> Result<Option<Outcome>, Problem> {
    // An id that is none cannot have been accepted.
    let Some(id) = body.get("demand_id").and_then(Value::as_str).filter(|id| id.len() <= 64) else {
        return Ok(None);
    };
    let found = demands::find(&store.client().await?, sender, id).await?;
    found.map(|known| repeat(&known, body)).transpose()
}

fn repeat(known: &Known, body: &Value) -> Result<Outcome, Problem> {
    if known.body_sha256 != canonical::digest(body) {
        let detail = "this demand_id was used for another demand, which stands; a changed demand is a new demand with an id of its own";
        return Err(Problem::refused(vec![Item::new(
            codes::KEY_REUSED,
            "/demand_id",
            detail,
            "Take a new demand_id.",
        )]));
    }
    let answer = serde_json::from_value(known.answer.clone()).map_err(|error| {
        Problem::from(StoreError::Decode { column: "demand.answer", source: Box::new(error) })
    })?;
    Ok(Outcome::Repeat(answer))
}

/// Checks and accepts. Run it to its end once begun.
///
/// # Errors
/// All problems of the body; or the database does not answer, and nothing was accepted; or the connection broke in the
/// commit and its outcome cannot be read back yet.
pub(super) async fn accept(store: &Store, incoming: Incoming) -> Result<Outcome, Problem> {
    if let Some(outcome) = known(store, &incoming.sender, &incoming.body).await? {
        return Ok(outcome);
    }
    let mut incoming = incoming;
    let today = today();
    let extra = std::mem::take(&mut incoming.extra);
    let mut client = store.client().await?;
    let checked = check::check(&client, &incoming.sender, &incoming.body, today, &incoming.arriving, extra);
    let good = checked.await?;
    let written = write(&mut client, &incoming, good).await;
    drop(client);
    let id = incoming.body.get("demand_id").and_then(Value::as_str).unwrap_or_default();
    match written {
        Ok(Some(accepted)) => Ok(Outcome::New(accepted)),
        // Another request with the same key was faster.
        Ok(None) => match known(store, &incoming.sender, &incoming.body).await? {
            Some(outcome) => Ok(outcome),
            None => Err(unknown_outcome(id)),
        },
        Err(error @ StoreError::UnknownOutcome(_)) => {
            tracing::warn!(code = error.code(), error = chain(&error), "a commit's outcome is read back");
            match known(store, &incoming.sender, &incoming.body).await {
                Ok(Some(Outcome::Repeat(accepted))) => Ok(Outcome::New(accepted)),
                // Not there is no proof yet: the server may still be working on the commit.
                _ => Err(unknown_outcome(id)),
            }
        }
        Err(error) => Err(error.into()),
    }
}

fn unknown_outcome(demand_id: &str) -> Problem {
    let detail = format!(
        "the connection broke while demand {demand_id} was being accepted; send the same body again: it is accepted once"
    );
    Problem::new(codes::UNKNOWN_OUTCOME, detail)
}

/// Today in China: the calendar of the law, whatever the machine's zone.
fn today() -> Date {
    identifier::today()
}

/// Writes everything; `None` if the key was taken meanwhile, and then nothing stays, no place in a lane either.
async fn write(
    client: &mut deadpool_postgres::Client,
    incoming: &Incoming,
    good: check::Good,
) -> Result<Option<Accepted>, StoreError> {
    let demand = &good.submission;
    let tx = client.transaction().await?;
    let lanes: Vec<String> = demand
        .units
        .iter()
        .zip(&good.registries)
        .map(|(unit, registry)| format!("{registry}/{}", unit.unit_code))
        .collect();
    let asked: Vec<&str> = lanes.iter().map(String::as_str).collect();
    let mut advanced: HashMap<String, i64> = HashMap::new();
    let mut accepted_at = Timestamp::MIN;
    for lane in demands::advance_lanes(&tx, &asked).await? {
        // The last lane's clock was read under all locks.
        accepted_at = accepted_at.max(lane.at);
        advanced.insert(lane.lane, lane.last_seq);
    }
    let mut requests = Vec::with_capacity(lanes.len());
    // A lane mentioned twice gave as many places; they are handed out from the last to the first.
    for (index, lane) in lanes.iter().enumerate().rev() {
        let last = advanced.get_mut(lane).expect("every lane was asked for");
        requests.push(request(incoming, &good, index, lane, *last, accepted_at));
        *last -= 1;
    }
    requests.reverse();
    let answer = Accepted {
        demand_id: demand.demand_id.clone(),
        requests: requests.iter().map(answered).collect(),
        warnings: good.warnings.clone(),
    };
    let answer_json = serde_json::to_value(&answer).expect("an answer holds texts and numbers only");
    let new = NewDemand {
        sender: &incoming.sender,
        demand_id: &demand.demand_id,
        body_sha256: &canonical::digest(&incoming.body),
        submission: &incoming.bytes,
        answer: &answer_json,
        accepted_at,
    };
    if !demands::insert(&tx, &new).await? {
        tx.rollback().await?;
        return Ok(None);
    }
    let mut documents: Vec<&str> = demand.attachments.iter().map(|a| a.sha256.as_str()).collect();
    documents.sort_unstable();
    documents.dedup();
    let shared = Shared {
        sender: &incoming.sender,
        demand_id: &demand.demand_id,
        kind: demand.kind.as_str(),
        court_code: demand.court.code.as_ref(),
        case_number: demand.case_number.as_ref(),
        judgment_number: demand.judgment_number.as_ref(),
        original_case_number: demand.original_case_number.as_ref().map(AsRef::as_ref),
        prior_request_id: demand.prior_request_id,
        traceparent: telemetry::traceparent(),
        accepted_at,
        documents: &documents,
    };
    demands::place(&tx, &shared, &requests).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    tracing::info!(
        sender = incoming.sender,
        demand_id = demand.demand_id,
        requests = requests.len(),
        warnings = answer.warnings.len(),
        "demand accepted"
    );
    Ok(Some(answer))
}

fn request(
    incoming: &Incoming,
    good: &check::Good,
    index: usize,
    lane: &str,
    lane_seq: i64,
    accepted_at: Timestamp,
) -> NewRequest {
    let (demand, registry) = (&good.submission, &good.registries[index]);
    let placement = Placement {
        request_id: Uuid::now_v7(),
        message_id: Uuid::now_v7(),
        sender: incoming.sender.clone(),
        registry: registry.clone(),
        lane_seq,
        accepted_at,
    };
    let (request_id, message_id) = (placement.request_id, placement.message_id);
    let placed = demand.demand_for(index, placement);
    let (unit_index, unit_code) = (placed.unit_index, placed.unit.unit_code.clone());
    let division = unit_code.division_code().expect("its registry was found by its division");
    let body = serde_json::to_vec(&DemandMessage::V1(Box::new(placed)))
        .expect("a demand holds texts and numbers only");
    let digest = <sha2::Sha256 as sha2::Digest>::digest(&body);
    NewRequest {
        request_id,
        message_id,
        unit_index: i16::try_from(unit_index).expect("the schema allows 300 units"),
        province: registry.province().as_str().to_owned(),
        registry: registry.as_str().to_owned(),
        lane: lane.to_owned(),
        lane_seq,
        routing_key: demand_routing_key(demand.kind, &division),
        unit_key: unit_code.to_string(),
        body,
        body_sha256: digest.to_vec(),
    }
}

fn answered(request: &NewRequest) -> AcceptedRequest {
    AcceptedRequest {
        request_id: request.request_id,
        unit_index: request.unit_index.unsigned_abs(),
        unit_code: request.unit_key.clone(),
        registry: request.registry.parse().expect("it was a registry's code a moment ago"),
        state: "in_flight".to_owned(),
        body_sha256: Digest::of(&request.body),
    }
}
