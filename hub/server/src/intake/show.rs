//! `GET /v1/demands/{id}`, and the refusal of everything that would change a dispatched demand.

use std::collections::HashMap;

use axum::{
    Json,
    extract::{Path, State},
    http::Method,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::timeline::{Entry, timelines};
use crate::{
    http::{
        App,
        auth::{Caller, Need},
        codes,
        problem::Problem,
        query::Query,
        trace,
    },
    store::{
        feedback,
        principals::Role,
        requests_read::{self as table, Request},
    },
};

/// Query of one demand.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowQuery {
    /// For operators: whose demand, when several courts use the same demand_id.
    pub sender: Option<String>,
}

/// A demand with its requests; one of them, if asked for by its id.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Shown {
    /// Who sent it.
    pub sender: String,
    /// The court's own number.
    pub demand_id: String,
    /// Its requests, by unit.
    pub requests: Vec<RequestView>,
}

/// What a request is about and where it stands.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Id in the hub.
    pub request_id: Uuid,
    /// Who sent it.
    pub sender: String,
    /// The court's own number of the demand.
    pub demand_id: String,
    /// Which unit, from 1.
    pub unit_index: i16,
    /// Code of the property unit.
    pub unit_code: String,
    /// `seizure`, `renewal`, `lifting` or `waiting`.
    pub kind: String,
    /// Code of the executing court.
    pub court_code: String,
    /// 执行案号.
    pub case_number: String,
    /// 裁判文书案号.
    pub judgment_number: String,
    /// 原查封案号.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_case_number: Option<String>,
    /// Province.
    pub province: String,
    /// The registry that must receive it.
    pub registry: String,
    /// Place in the lane of the unit at this registry.
    pub lane_seq: i64,
    /// State: `in_flight`, `delivered`, `registered`, `returned`, `withdrawn`, `undelivered`, `closed`.
    pub state: String,
    /// Number of the present attempt.
    pub attempt: i32,
    /// Id of the message, the same in every attempt.
    pub message_id: Uuid,
    /// SHA-256 of the message.
    pub body_sha256: String,
    /// The request it corrects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior_request_id: Option<Uuid>,
    /// Time of acceptance.
    pub accepted_at: Timestamp,
    /// Trace of the acceptance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

impl From<Request> for Summary {
    fn from(request: Request) -> Self {
        Self {
            trace_id: request.traceparent.as_deref().and_then(trace::trace_id).map(str::to_owned),
            request_id: request.request_id,
            sender: request.sender,
            demand_id: request.demand_id,
            unit_index: request.unit_index,
            unit_code: request.unit_key,
            kind: request.kind,
            court_code: request.court_code,
            case_number: request.case_number,
            judgment_number: request.judgment_number,
            original_case_number: request.original_case_number,
            province: request.province,
            registry: request.registry,
            lane_seq: request.lane_seq,
            state: request.state,
            attempt: request.attempt,
            message_id: request.message_id,
            body_sha256: request.body_sha256,
            prior_request_id: request.prior_request_id,
            accepted_at: request.accepted_at,
        }
    }
}

/// A request with everything that happened to it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RequestView {
    /// What it is about and where it stands.
    #[serde(flatten)]
    pub summary: Summary,
    /// The later requests that correct it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corrected_by: Vec<Uuid>,
    /// The receipt (送达), once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptView>,
    /// The result or return that took effect, as the registry sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultView>,
    /// Everything, in order of time.
    pub timeline: Vec<Entry>,
}

/// The ledger's line.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptView {
    /// The registry.
    pub registry: String,
    /// Number at the registry, from 1 without gaps.
    pub no: i64,
    /// The instant of delivery (送达), microseconds; with `no` it is the place in the order.
    pub delivered_at: Timestamp,
    /// When the ledger wrote the line: the same instant for the network, a later one for the other channels.
    pub recorded_at: Timestamp,
    /// `net` (总对总), `p2p` (点对点) or `window` (线下窗口).
    pub channel: String,
    /// The record that proves an instant before the recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_id: Option<Uuid>,
    /// Hash of the line.
    pub hash: String,
}

/// A result or return.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ResultView {
    /// `registered`, `returned` or `withdrawn`.
    pub outcome: String,
    /// When it came.
    pub received_at: Timestamp,
    /// 登簿时间.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<Timestamp>,
    /// When feedback is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// The message.
    pub body: Value,
}

/// Whose demands the caller may see: a court its own, an operator all or those of one sender.
pub(crate) fn visible<'a>(caller: &'a Caller, sender: Option<&'a str>) -> Result<Option<&'a str>, Problem> {
    caller.need(Need::CourtOrOperator)?;
    match (&caller.role, sender) {
        (Role::Operator, sender) => Ok(sender),
        (_, None) => Ok(Some(&caller.name)),
        (_, Some(_)) => Err(Problem::new(codes::QUERY, "only operators name a sender")),
    }
}

pub(crate) async fn requests(app: &App, id: &str, sender: Option<&str>) -> Result<Vec<Request>, Problem> {
    let client = app.store.client().await?;
    if let Ok(request_id) = id.parse::<Uuid>()
        && let Some(found) = table::find(&client, request_id, sender).await?
    {
        return Ok(vec![found]);
    }
    // A court may well use UUIDs for its own numbers.
    let found = table::of_demand(&client, id, sender).await?;
    let Some(first) = found.first() else { return Err(Problem::not_found()) };
    if found.iter().any(|request| request.sender != first.sender) {
        return Err(Problem::new(codes::QUERY, "several courts use this demand_id; name one with ?sender="));
    }
    Ok(found)
}

pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<ShowQuery>,
) -> Result<Json<Shown>, Problem> {
    let found = requests(&app, &id, visible(&caller, query.sender.as_deref())?).await?;
    let ids: Vec<Uuid> = found.iter().map(|request| request.request_id).collect();
    let (history, told, mut corrections) = {
        let client = app.store.client().await?;
        tokio::try_join!(
            table::history(&client, &ids),
            feedback::of_requests(&client, &ids),
            table::corrected_by(&client, &ids)
        )?
    };
    let provinces: HashMap<Uuid, String> =
        found.iter().map(|request| (request.request_id, request.province.clone())).collect();
    let mut timelines = timelines(&history, &told, &provinces);
    let (sender, demand_id) = found
        .first()
        .map(|request| (request.sender.clone(), request.demand_id.clone()))
        .ok_or_else(Problem::not_found)?;
    let view = |request: Request| {
        let id = request.request_id;
        let receipt = history.receipts.iter().find(|r| r.request_id == id).map(|receipt| ReceiptView {
            registry: receipt.registry.clone(),
            no: receipt.no,
            delivered_at: receipt.delivered_at,
            recorded_at: receipt.recorded_at,
            channel: receipt.channel.clone(),
            evidence_id: receipt.evidence_id,
            hash: receipt.hash.clone(),
        });
        let effective = history.outcomes.iter().find(|o| o.request_id == id && o.disposition == "effective");
        let result = effective.map(|outcome| ResultView {
            outcome: outcome.outcome.clone(),
            received_at: outcome.received_at,
            registered_at: outcome.registered_at,
            due_at: outcome.due_at,
            body: outcome.body.clone(),
        });
        let timeline = timelines.remove(&id).unwrap_or_default();
        let corrected_by = corrections.remove(&id).unwrap_or_default();
        RequestView { summary: request.into(), corrected_by, receipt, result, timeline }
    };
    Ok(Json(Shown { sender, demand_id, requests: found.into_iter().map(view).collect() }))
}

/// R42 (不能自行撤回): after dispatch the court has no way to change or cancel.
pub(crate) async fn refuse_change(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(), Problem> {
    requests(&app, &id, visible(&caller, None)?).await?;
    let detail = "a dispatched demand (协执) can be neither changed nor withdrawn by the court (法〔2024〕32号 二(三)2, \
                  不能自行撤回); ask the registry in writing with POST /v1/withdrawals, or send a new demand";
    Err(Problem::new(codes::DISPATCHED, detail))
}

/// The same for addresses below a demand; reading there finds nothing.
pub(crate) async fn refuse_change_below(
    state: State<App>,
    method: Method,
    caller: Caller,
    Path((id, _rest)): Path<(String, String)>,
) -> Result<(), Problem> {
    if method.is_safe() {
        return Err(Problem::not_found());
    }
    refuse_change(state, caller, Path(id)).await
}
