//! `/v1/disputes`: disputes about the order of demands on one unit (对查封顺位有异议).

use std::sync::LazyLock;

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jsonschema::Validator;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use xiezhi_schemas::{
    address::{ProvinceCode, RegistryCode},
    message::DisputeCause,
};

use super::{
    log::{self, ADD, ClosingBody, EntryBody},
    opening::{self, DisputeBody},
    order::{self, OrderBody},
    views::{self, DisputeView},
};
use crate::{
    audit,
    http::{
        App,
        auth::{Caller, Need},
        codes::{self, Code},
        cursor::{cursor, cut, page_size, read_cursor},
        problem::Problem,
        query::Query,
        routes::{Answer, PLAIN, Route, json, schema_of},
        typed,
    },
    intake::{show::visible, validate},
    store::{
        StoreError,
        disputes::{self as table, Filter},
        matters::MatterKind,
    },
};

const OPEN: &[Code] =
    &typed::problems::<3, 12>([codes::NOT_FOUND, codes::DISPUTE_PARTIES, codes::MATTER_ENTRY]);
const DECIDE: &[Code] = &typed::problems::<4, 13>([
    codes::NOT_FOUND,
    codes::ORDER_DECISION,
    codes::MATTER_CLOSED,
    codes::DOCUMENT_MISSING,
]);

/// The operations of this room.
pub const ROUTES: &[Route] = &[
    Route {
        method: "post",
        path: "/v1/disputes",
        operation: "openDispute",
        summary: "Opens a dispute about the order of demands on one unit: freezes the evidence and names the common superior court \
                  (共同上级人民法院). The order does not change.",
        need: Some(Need::CourtOrOperator),
        body: &[("application/json", Some(schema_of::<DisputeBody>))],
        answers: &[json::<DisputeView>(201, "It is open.")],
        problems: OPEN,
        handler: || post(open),
        ..PLAIN
    },
    Route {
        path: "/v1/disputes",
        operation: "listDisputes",
        summary: "Disputes, oldest first, page by page: for a court those with its demands, for operators all.",
        need: Some(Need::CourtOrOperator),
        query: Some(schema_of::<ListQuery>),
        answers: &[json::<Page>(200, "One page; next is absent on the last.")],
        handler: || get(list),
        ..PLAIN
    },
    Route {
        path: "/v1/disputes/{dispute_id}",
        operation: "showDispute",
        summary: "One dispute with its parties, decisions and log.",
        need: Some(Need::CourtOrOperator),
        answers: &[json::<DisputeView>(200, "The dispute.")],
        problems: &[codes::NOT_FOUND],
        handler: || get(show),
        ..PLAIN
    },
    Route {
        path: "/v1/disputes/{dispute_id}/evidence",
        operation: "disputeEvidence",
        summary: "For operators: the frozen evidence, byte for byte; its SHA-256 is that of the dispute and stands in the audit.",
        need: Some(Need::Operator),
        answers: &[Answer {
            status: 200,
            meaning: "JSON of the published schema dispute-evidence.",
            media_type: "application/json",
            schema: None,
        }],
        problems: &[codes::NOT_FOUND],
        handler: || get(evidence),
        ..PLAIN
    },
    Route {
        method: "post",
        path: "/v1/disputes/{dispute_id}/entries",
        operation: "noteDispute",
        summary: "Adds a note or a document to the log.",
        need: Some(Need::CourtOrOperator),
        body: &[("application/json", Some(schema_of::<EntryBody>))],
        answers: &[json::<DisputeView>(201, "It is added.")],
        problems: ADD,
        handler: || post(note),
        ..PLAIN
    },
    Route {
        method: "post",
        path: "/v1/disputes/{dispute_id}/order",
        operation: "decideOrder",
        summary: "For operators: records the superior court's decision with its document. The only thing that changes an order; \
                  closes the dispute.",
        need: Some(Need::Operator),
        body: &[("application/json", Some(schema_of::<OrderBody>))],
        answers: &[json::<DisputeView>(201, "It is recorded and in force.")],
        problems: DECIDE,
        handler: || post(decide),
        ..PLAIN
    },
    Route {
        method: "post",
        path: "/v1/disputes/{dispute_id}/close",
        operation: "closeDispute",
        summary: "For operators: ends a dispute that needs no decision; the order stays.",
        need: Some(Need::Operator),
        body: &[("application/json", Some(schema_of::<ClosingBody>))],
        answers: &[json::<DisputeView>(200, "It is closed.")],
        problems: ADD,
        handler: || post(close),
        ..PLAIN
    },
];

static DISPUTE: LazyLock<Validator> = LazyLock::new(validate::validator::<DisputeBody>);
static ORDER: LazyLock<Validator> = LazyLock::new(validate::validator::<OrderBody>);

async fn one(app: &App, caller: &Caller, dispute_id: Uuid) -> Result<DisputeView, Problem> {
    let sender = visible(caller, None)?;
    let filter = Filter { dispute_id: Some(dispute_id), sender, ..Filter::default() };
    let client = app.store.client().await?;
    let lines = table::page(&client, &filter, 1).await?;
    views::disputes(&client, lines, sender).await?.into_iter().next().ok_or_else(Problem::not_found)
}

async fn open(State(app): State<App>, caller: Caller, bytes: Body) -> Result<Response, Problem> {
    caller.need(Need::CourtOrOperator)?;
    let body = typed::read::<DisputeBody>(&app, bytes, &DISPUTE).await?.body;
    let (store, who) = (app.store.clone(), caller.clone());
    let id = app.finish(async move { opening::open(&store, &who, &body).await }).await??;
    let location = [(header::LOCATION, format!("/v1/disputes/{id}"))];
    Ok((StatusCode::CREATED, location, Json(one(&app, &caller, id).await?)).into_response())
}

async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(dispute_id): Path<Uuid>,
) -> Result<Json<DisputeView>, Problem> {
    one(&app, &caller, dispute_id).await.map(Json)
}

async fn evidence(
    State(app): State<App>,
    caller: Caller,
    Path(dispute_id): Path<Uuid>,
) -> Result<Response, Problem> {
    caller.need(Need::Operator)?;
    let mut client = app.store.client().await?;
    let (bytes, sha256) = table::evidence_of(&client, dispute_id).await?.ok_or_else(Problem::not_found)?;
    let tx = client.transaction().await.map_err(StoreError::from)?;
    audit::record(&tx, &caller.name, "operator", "dispute.evidence", &format!("dispute {dispute_id}"))
        .await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    let headers =
        [(header::CONTENT_TYPE, "application/json".to_owned()), (header::ETAG, format!("\"{sha256}\""))];
    Ok((headers, bytes).into_response())
}

async fn note(
    State(app): State<App>,
    caller: Caller,
    Path(dispute_id): Path<Uuid>,
    bytes: Body,
) -> Result<(StatusCode, Json<DisputeView>), Problem> {
    one(&app, &caller, dispute_id).await?;
    log::post_note(&app, &caller, (MatterKind::Dispute, dispute_id), bytes).await?;
    Ok((StatusCode::CREATED, Json(one(&app, &caller, dispute_id).await?)))
}

async fn decide(
    State(app): State<App>,
    caller: Caller,
    Path(dispute_id): Path<Uuid>,
    bytes: Body,
) -> Result<(StatusCode, Json<DisputeView>), Problem> {
    caller.need(Need::Operator)?;
    let body = typed::read::<OrderBody>(&app, bytes, &ORDER).await?.body;
    let (store, who) = (app.store.clone(), caller.clone());
    app.finish(async move { order::decide(&store, &who, dispute_id, &body).await }).await??;
    Ok((StatusCode::CREATED, Json(one(&app, &caller, dispute_id).await?)))
}

async fn close(
    State(app): State<App>,
    caller: Caller,
    Path(dispute_id): Path<Uuid>,
    bytes: Body,
) -> Result<Json<DisputeView>, Problem> {
    caller.need(Need::Operator)?;
    one(&app, &caller, dispute_id).await?;
    log::post_close(&app, &caller, (MatterKind::Dispute, dispute_id), bytes).await?;
    one(&app, &caller, dispute_id).await.map(Json)
}

/// Query of the list; all given conditions hold together.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// 不动产单元代码, exactly.
    unit: Option<String>,
    /// At one registry.
    registry: Option<RegistryCode>,
    /// In one province.
    province: Option<ProvinceCode>,
    /// With one request.
    request_id: Option<Uuid>,
    /// `person` or `late_receipt`.
    cause: Option<DisputeCause>,
    /// Open ones, or closed ones.
    open: Option<bool>,
    /// At most so many, 50 by default.
    #[schemars(range(min = 1, max = 500))]
    limit: Option<i64>,
    /// `next` of the page before; goes with the same conditions only.
    cursor: Option<String>,
}

/// One page, oldest first.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DisputePage")]
pub(crate) struct Page {
    /// The disputes.
    items: Vec<DisputeView>,
    /// Cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page>, Problem> {
    let sender = visible(&caller, None)?;
    let limit = page_size(query.limit)?;
    let filter = Filter {
        sender,
        cause: query.cause,
        unit: query.unit.as_deref(),
        registry: query.registry.as_ref().map(RegistryCode::as_str),
        province: query.province.as_ref().map(ProvinceCode::as_str),
        request_id: query.request_id,
        open: query.open,
        dispute_id: None,
        after: query.cursor.as_deref().map(read_cursor).transpose()?,
    };
    let client = app.store.client().await?;
    let mut lines = table::page(&client, &filter, limit + 1).await?;
    let more = cut(&mut lines, limit);
    let next = lines.last().filter(|_| more).map(|last| cursor(last.opened_at, last.dispute_id));
    Ok(Json(Page { items: views::disputes(&client, lines, sender).await?, next }))
}
