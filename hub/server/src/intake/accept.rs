//! Accepting: everything of a demand in one transaction, or nothing.
//!
//! Demands that come at the same time share a transaction, because the database's work for a transaction costs more than
//! that for a demand. Whoever finds the pen free writes for all that wait; nobody waits for company. A demand on which the
//! database fails is written by itself, so that it harms no other.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use jiff::{Timestamp, civil::Date};
use serde_json::Value;
use tokio::sync::{Semaphore, oneshot};
use tracing::Instrument as _;
use uuid::Uuid;
use xiezhi_schemas::{
    address::demand_routing_key,
    identifier,
    message::{DemandMessage, Digest, Placement, Submission},
};

use super::{Accepted, AcceptedRequest, canonical, check, references};
use crate::{
    code::chain,
    http::{
        codes,
        problem::{Item, Problem},
    },
    store::{
        Store, StoreError,
        demands::{self, Advanced, Key, Known, NewDemand, NewRequest, Shared},
        documents::Stored,
    },
    telemetry::{self, trace},
};

/// How a demand was answered.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Accepted now.
    New(Accepted),
    /// Accepted before: the first answer.
    Repeat(Accepted),
}

type Answer = Result<Outcome, Problem>;

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

impl Incoming {
    /// Its key, unless its id is none: such a demand cannot have been accepted.
    fn key(&self) -> Option<(&str, &str)> {
        let id = self.body.get("demand_id").and_then(Value::as_str).filter(|id| id.len() <= 64)?;
        Some((&self.sender, id))
    }
}

/// A body that was read and waits to be written.
struct Waiting {
    incoming: Incoming,
    read: check::Read,
    body_sha256: [u8; 32],
    traceparent: Option<String>,
    answer: oneshot::Sender<Answer>,
}

impl Waiting {
    fn units(&self) -> usize {
        self.read.submission().map_or(1, |demand| demand.units.len())
    }
}

/// Transactions under way at once: while one waits for the disk, another gathers.
const PENS: usize = 2;
/// Property units of one transaction at the most, unless one demand alone has more.
const MOST_UNITS: usize = 256;
/// How often a batch is begun again because another hub wrote one of its demands meanwhile.
const ROUNDS: usize = 5;

/// Where demands wait to be written, and the right to write.
#[derive(Debug)]
pub(crate) struct Acceptor {
    waiting: Mutex<VecDeque<Waiting>>,
    pens: Semaphore,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").field("key", &self.incoming.key()).finish_non_exhaustive()
    }
}

impl Default for Acceptor {
    fn default() -> Self {
        Self { waiting: Mutex::default(), pens: Semaphore::new(PENS) }
    }
}

impl Acceptor {
    /// Checks and accepts. Run it to its end once begun.
    ///
    /// # Errors
    /// All problems of the body; or the database does not answer, and nothing was accepted; or the connection broke in the
    /// commit and its outcome cannot be read back yet.
    pub(super) async fn accept(&self, store: &Store, incoming: Incoming) -> Result<Outcome, Problem> {
        let today = identifier::today();
        let (answer, mut answered) = oneshot::channel();
        let waiting = Waiting {
            read: check::read(&incoming.body, today),
            body_sha256: canonical::digest(&incoming.body),
            traceparent: telemetry::traceparent(),
            incoming,
            answer,
        };
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(waiting);
        loop {
            tokio::select! {
                biased;
                told = &mut answered => return told.unwrap_or_else(|_| Err(lost())),
                pen = self.pens.acquire() => {
                    let batch = self.next();
                    if !batch.is_empty() {
                        Box::pin(write_all(store, batch, today)).await;
                    }
                    drop(pen);
                }
            }
        }
    }

    /// What is written next, oldest first.
    fn next(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut units, mut fit) = (0, 0);
        for one in waiting.iter() {
            units += one.units();
            if fit > 0 && units > MOST_UNITS {
                break;
            }
            fit += 1;
        }
        waiting.drain(..fit).collect()
    }
}

/// The task that wrote it died: whether it was accepted is not known.
fn lost() -> Problem {
    Problem::new(
        codes::UNKNOWN_OUTCOME,
        "the hub failed while it was accepting; send the same body again: it is accepted once",
    )
}

fn unknown_outcome(waiting: &Waiting) -> Problem {
    let id = waiting.incoming.key().map_or("", |(_, id)| id);
    let detail = format!(
        "the connection broke while demand {id} was being accepted; send the same body again: it is accepted once"
    );
    Problem::new(codes::UNKNOWN_OUTCOME, detail)
}

/// A batch has about a dozen statements. Whoever sent them was answered long before; the bound is there because few write,
/// and one that waits on a silent line for ever would be missing for good.
const STATEMENTS: u32 = 12;

/// Writes a batch and tells everybody.
async fn write_all(store: &Store, batch: Vec<Waiting>, today: Date) {
    let span = tracing::info_span!("intake.accept", demands = batch.len());
    for cause in batch.iter().filter_map(|one| one.traceparent.as_deref()) {
        trace::link(&span, cause);
    }
    let written = async {
        match store.patiently(STATEMENTS, Box::pin(write_batch(store, &batch, today))).await {
            Err(error @ StoreError::Statement { .. }) if batch.len() > 1 => {
                tracing::warn!(
                    code = error.code(),
                    error = chain(&error),
                    "a batch failed; each demand is tried by itself"
                );
                for one in batch {
                    let alone = std::slice::from_ref(&one);
                    let answers =
                        match store.patiently(STATEMENTS, Box::pin(write_batch(store, alone, today))).await {
                            Ok(answers) => answers,
                            Err(error) => give_up(store, alone, error).await,
                        };
                    tell(vec![one], answers);
                }
            }
            Err(error) => {
                let answers = give_up(store, &batch, error).await;
                tell(batch, answers);
            }
            Ok(answers) => tell(batch, answers),
        }
    };
    written.instrument(span).await;
}

fn tell(batch: Vec<Waiting>, answers: Vec<Answer>) {
    for (one, answer) in batch.into_iter().zip(answers) {
        // Nobody listens any more when the caller's task was ended; what was written stands all the same.
        drop(one.answer.send(answer));
    }
}

/// Answers for demands that were not written, or not surely.
async fn give_up(store: &Store, batch: &[Waiting], error: StoreError) -> Vec<Answer> {
    if !matches!(error, StoreError::UnknownOutcome(_)) {
        let problem = Problem::from(error);
        return batch.iter().map(|_| Err(problem.clone())).collect();
    }
    tracing::warn!(code = error.code(), error = chain(&error), "a commit's outcome is read back");
    let known = async { demands::find(&store.road().await?, &keys(batch)).await };
    let known: HashMap<Key, Known> = known.await.unwrap_or_default();
    let answers = batch.iter().map(|one| match repeat(&known, one) {
        Some(Ok(Outcome::Repeat(accepted))) => Ok(Outcome::New(accepted)),
        // Not there is no proof yet: the server may still be working on the commit.
        _ => Err(unknown_outcome(one)),
    });
    answers.collect()
}

fn keys(batch: &[Waiting]) -> Vec<(&str, &str)> {
    batch.iter().filter_map(|one| one.incoming.key()).collect()
}

/// The answer to a demand that was accepted before; `None` if this one is new. Comes before all refusals, because a repeat
/// gets the first answer even if a table or a rule changed since.
fn repeat(known: &HashMap<Key, Known>, waiting: &Waiting) -> Option<Answer> {
    let (sender, id) = waiting.incoming.key()?;
    let known = known.get(&(sender.to_owned(), id.to_owned()))?;
    if known.body_sha256 != waiting.body_sha256 {
        let detail = "this demand_id was used for another demand, which stands; a changed demand is a new demand with an id of its own";
        return Some(Err(Problem::refused(vec![Item::new(
            codes::KEY_REUSED,
            "/demand_id",
            detail,
            "Take a new demand_id.",
        )])));
    }
    Some(serde_json::from_value(known.answer.clone()).map(Outcome::Repeat).map_err(|error| {
        Problem::from(StoreError::Decode { column: "demand.answer", source: Box::new(error) })
    }))
}

/// Judges demands against the tables and writes the good ones in one transaction; one answer for each, in their order.
async fn write_batch(store: &Store, batch: &[Waiting], today: Date) -> Result<Vec<Answer>, StoreError> {
    let mut client = store.road().await?;
    for _ in 0..ROUNDS {
        let named: Vec<(&str, &Submission)> = batch
            .iter()
            .filter_map(|one| Some((one.incoming.sender.as_str(), one.read.submission()?)))
            .collect();
        let keys = keys(batch);
        let (mut known, tables) =
            tokio::try_join!(demands::find(&client, &keys), references::look_up(&client, &named, today))?;
        let mut answers: Vec<Option<Answer>> = Vec::with_capacity(batch.len());
        let mut good = Vec::new();
        let mut taken = HashSet::new();
        for one in batch {
            let Incoming { sender, arriving, extra, .. } = &one.incoming;
            let known = repeat(&known, one);
            answers.push(match known {
                Some(answer) => Some(answer),
                // Its twin of this batch is written first.
                None if one.incoming.key().is_some_and(|key| taken.contains(&key)) => None,
                None => match one.read.against(&tables, sender, arriving, extra) {
                    Err(problem) => Some(Err(problem)),
                    Ok(judged) => {
                        taken.extend(one.incoming.key());
                        good.push((one, judged));
                        None
                    }
                },
            });
        }
        if !good.is_empty() {
            let Some(written) = write(&mut client, &good).await? else { continue };
            known.extend(written);
        }
        return Ok(batch
            .iter()
            .zip(answers)
            .map(|(one, answer)| match answer.or_else(|| repeat(&known, one)) {
                // The first of twins was accepted now, the others are repeats.
                Some(Ok(Outcome::Repeat(accepted)))
                    if one.incoming.key().is_some_and(|key| taken.remove(&key)) =>
                {
                    Ok(Outcome::New(accepted))
                }
                Some(answer) => answer,
                None => Err(unknown_outcome(one)),
            })
            .collect());
    }
    let detail = "others keep writing the same demands; nothing was accepted here, send the same body again";
    Ok(batch.iter().map(|_| Err(Problem::new(codes::BUSY, detail))).collect())
}

/// Writes everything; `None` if a key was taken meanwhile, and then nothing stays, no place in a lane either.
async fn write(
    client: &mut deadpool_postgres::Client,
    good: &[(&Waiting, check::Good<'_>)],
) -> Result<Option<HashMap<Key, Known>>, StoreError> {
    let tx = client.transaction().await?;
    let lanes: Vec<Vec<String>> = good.iter().map(|(_, good)| lanes(good)).collect();
    let asked: Vec<&str> = lanes.iter().flatten().map(String::as_str).collect();
    let mut places = Places::default();
    // Asked together and answered in this order: one round trip.
    let ((), advanced) = tokio::try_join!(demands::wait_shortly(&tx), demands::advance_lanes(&tx, &asked))?;
    for lane in advanced {
        places.add(&asked, lane);
    }
    let mut demands = Vec::with_capacity(good.len());
    let mut requests = Vec::with_capacity(asked.len());
    let mut shared = Vec::with_capacity(good.len());
    for ((waiting, good), lanes) in good.iter().zip(&lanes) {
        let incoming = &waiting.incoming;
        let (demand, accepted_at) = (good.submission, places.at);
        let own: Vec<NewRequest> = lanes
            .iter()
            .enumerate()
            .map(|(index, lane)| {
                request(&incoming.sender, good, index, (lane.as_str(), places.take(lane)), accepted_at)
            })
            .collect();
        let answer = Accepted {
            demand_id: demand.demand_id.clone(),
            requests: own.iter().map(answered).collect(),
            warnings: good.warnings.to_vec(),
        };
        demands.push(NewDemand {
            sender: &incoming.sender,
            demand_id: &demand.demand_id,
            body_sha256: waiting.body_sha256.to_vec(),
            submission: &incoming.bytes,
            answer: serde_json::to_value(&answer).expect("an answer holds texts and numbers only"),
            accepted_at,
        });
        shared.push(common(waiting, good, accepted_at));
        requests.push(own);
    }
    if demands::insert(&tx, &demands).await? < demands.len() as u64 {
        tx.rollback().await?;
        return Ok(None);
    }
    let rows: Vec<(&Shared<'_>, &NewRequest)> = shared
        .iter()
        .zip(&requests)
        .flat_map(|(shared, own)| own.iter().map(move |request| (shared, request)))
        .collect();
    demands::place(&tx, &rows).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    for ((_, good), own) in good.iter().zip(&requests) {
        tracing::info!(
            demand_id = good.submission.demand_id,
            requests = own.len(),
            warnings = good.warnings.len(),
            "demand accepted"
        );
    }
    let known = |demand: NewDemand<'_>| {
        let key = (demand.sender.to_owned(), demand.demand_id.to_owned());
        (key, Known { body_sha256: demand.body_sha256, answer: demand.answer })
    };
    Ok(Some(demands.into_iter().map(known).collect()))
}

/// Places taken in lanes, handed out in the order in which demands are written.
pub(crate) struct Places {
    next: HashMap<String, i64>,
    /// The database's clock once all lanes were locked.
    at: Timestamp,
}

impl Default for Places {
    fn default() -> Self {
        Self { next: HashMap::new(), at: Timestamp::MIN }
    }
}

impl Places {
    pub(crate) fn add(&mut self, asked: &[&str], lane: Advanced) {
        // A lane mentioned twice gave as many places; the last of them is what the table says now.
        let mentions = asked.iter().filter(|name| **name == lane.lane).count();
        self.at = self.at.max(lane.at);
        self.next.insert(lane.lane, lane.last_seq - i64::try_from(mentions).unwrap_or(0));
    }

    pub(crate) fn take(&mut self, lane: &str) -> i64 {
        let last = self.next.get_mut(lane).expect("every lane was asked for");
        *last += 1;
        *last
    }
}

fn lanes(good: &check::Good<'_>) -> Vec<String> {
    let units = good.submission.units.iter().zip(&good.registries);
    units.map(|(unit, registry)| format!("{registry}/{}", unit.unit_code)).collect()
}

fn common<'a>(waiting: &'a Waiting, good: &check::Good<'a>, accepted_at: Timestamp) -> Shared<'a> {
    let demand = good.submission;
    let mut documents: Vec<&str> = demand.attachments.iter().map(|a| a.sha256.as_str()).collect();
    documents.sort_unstable();
    documents.dedup();
    Shared {
        sender: &waiting.incoming.sender,
        demand_id: &demand.demand_id,
        kind: demand.kind.as_str(),
        court_code: demand.court.code.as_ref(),
        case_number: demand.case_number.as_ref(),
        judgment_number: demand.judgment_number.as_ref(),
        original_case_number: demand.original_case_number.as_ref().map(AsRef::as_ref),
        traceparent: waiting.traceparent.as_deref(),
        accepted_at,
        documents,
    }
}

/// The request for the unit at `index` (from 0), with its message, at its place in its lane.
///
/// # Panics
/// When `index` is not the index of a unit.
pub(crate) fn request(
    sender: &str,
    good: &check::Good<'_>,
    index: usize,
    (lane, lane_seq): (&str, i64),
    accepted_at: Timestamp,
) -> NewRequest {
    let (demand, registry) = (good.submission, &good.registries[index]);
    let placement = Placement {
        request_id: Uuid::now_v7(),
        message_id: Uuid::now_v7(),
        sender: sender.to_owned(),
        registry: registry.clone(),
        lane_seq,
        accepted_at,
    };
    let (request_id, message_id) = (placement.request_id, placement.message_id);
    let mut placed = demand.demand_for(index, placement);
    // Of several units only the one that was returned is corrected; the others are demanded for the first time.
    placed.prior_request_id = placed
        .prior_request_id
        .filter(|_| good.prior_unit.as_deref() == Some(placed.unit.unit_code.as_ref()));
    let prior_request_id = placed.prior_request_id;
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
        prior_request_id,
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
