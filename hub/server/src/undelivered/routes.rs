//! `/v1/undelivered`: what was not delivered, and the jobs that decide it. For operators.

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use xiezhi_schemas::{
    address::{ProvinceCode, RegistryCode},
    message::UndeliveredCause,
    strict_json::{self, Limits},
};

use super::decide::{self, Order, OrderError, Preview};
use crate::{
    http::{
        App,
        auth::{Caller, Need},
        body, codes,
        problem::Problem,
        query::Query,
        routes::{PLAIN, Route, json, schema_of},
    },
    store::undelivered::{self as table, DeadLetter, Filter, JobProgress, Status},
};

/// The operations of this room.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/v1/undelivered",
        operation: "listUndelivered",
        summary: "Undelivered attempts (未送达), oldest first, page by page.",
        need: Some(Need::Operator),
        query: Some(schema_of::<ListQuery>),
        answers: &[json::<Page>(200, "One page; next is absent on the last.")],
        handler: || get(list),
        ..PLAIN
    },
    Route {
        path: "/v1/undelivered/{dead_id}",
        operation: "showUndelivered",
        summary: "One undelivered attempt.",
        need: Some(Need::Operator),
        answers: &[json::<DeadLetter>(200, "The attempt.")],
        problems: &[codes::NOT_FOUND],
        handler: || get(show),
        ..PLAIN
    },
    Route {
        method: "post",
        path: "/v1/undelivered/jobs",
        operation: "decideUndelivered",
        summary: "Replays or closes undelivered attempts; the list is frozen now and worked off at a pace.",
        need: Some(Need::Operator),
        body: &[("application/json", Some(schema_of::<Order>))],
        answers: &[
            json::<Preview>(202, "The job is made."),
            json::<Preview>(200, "A dry run, or nothing is open."),
        ],
        problems: &[codes::NOT_JSON, codes::ORDER, codes::NO_DEAD_LETTER],
        handler: || post(order),
        ..PLAIN
    },
    Route {
        path: "/v1/undelivered/jobs/{job_id}",
        operation: "showUndeliveredJob",
        summary: "How far a job is.",
        need: Some(Need::Operator),
        answers: &[json::<JobProgress>(200, "The job.")],
        problems: &[codes::NOT_FOUND],
        handler: || get(job),
        ..PLAIN
    },
];

/// Query of the list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// `open`, `replayed` or `closed`; all when absent.
    status: Option<Status>,
    /// Of one province.
    province: Option<ProvinceCode>,
    /// Of one registry.
    registry: Option<RegistryCode>,
    /// With this cause.
    cause: Option<UndeliveredCause>,
    /// Of one request.
    request_id: Option<Uuid>,
    /// At most so many, 100 by default.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<i64>,
    /// `next` of the page before.
    cursor: Option<i64>,
}

/// One page of undelivered attempts.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Page {
    /// In order of number.
    items: Vec<DeadLetter>,
    /// Cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page>, Problem> {
    caller.need(Need::Operator)?;
    let limit = query.limit.unwrap_or(100);
    if !(1..=1000).contains(&limit) {
        return Err(Problem::new(codes::QUERY, "limit is 1 to 1000"));
    }
    let ListQuery { status, province, registry, cause, request_id, cursor, .. } = query;
    let filter = Filter { status, province, registry, cause, request_id };
    let client = app.store.client().await?;
    let mut items = table::list(&client, &filter, None, cursor.unwrap_or(0), limit + 1).await?;
    let more = i64::try_from(items.len()).is_ok_and(|found| found > limit);
    if more {
        items.pop();
    }
    let next = items.last().filter(|_| more).map(|last| last.dead_id);
    Ok(Json(Page { items, next }))
}

async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(dead_id): Path<i64>,
) -> Result<Json<DeadLetter>, Problem> {
    caller.need(Need::Operator)?;
    let client = app.store.client().await?;
    let found = table::list(&client, &Filter::default(), Some(&[dead_id]), 0, 1).await?;
    found.into_iter().next().map(Json).ok_or_else(Problem::not_found)
}

/// Largest order: a list of some ten thousand numbers.
const MOST_BYTES: usize = 1 << 20;

async fn order(State(app): State<App>, caller: Caller, bytes: Body) -> Result<Response, Problem> {
    caller.need(Need::Operator)?;
    let bytes = body::whole(bytes, MOST_BYTES, app.request_timeout()).await?;
    let value = strict_json::parse(&bytes, Limits::default())
        .map_err(|error| Problem::new(codes::NOT_JSON, error.to_string()))?;
    let wanted: Order =
        serde_json::from_value(value).map_err(|error| Problem::new(codes::ORDER, error.to_string()))?;
    let (store, actor) = (app.store.clone(), caller.name.clone());
    let preview = app.finish(async move { decide::order(&store, &actor, &wanted).await }).await?;
    let preview = preview.map_err(|error| match error {
        OrderError::Invalid(why) => Problem::new(codes::ORDER, why),
        OrderError::Unknown(_) => Problem::new(codes::NO_DEAD_LETTER, error.to_string()),
        OrderError::Store(error) => error.into(),
    })?;
    let status = if preview.job_id.is_some() { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(preview)).into_response())
}

async fn job(
    State(app): State<App>,
    caller: Caller,
    Path(job_id): Path<Uuid>,
) -> Result<Json<JobProgress>, Problem> {
    caller.need(Need::Operator)?;
    let found = table::job_progress(&*app.store.client().await?, job_id).await?;
    found.map(Json).ok_or_else(Problem::not_found)
}
