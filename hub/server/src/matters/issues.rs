//! `/v1/issues`: what is open in a province, who sees to it, and until when (及时梳理汇总上报, 法〔2024〕32号 三(一)). For operators.
//!
//! Some are opened by what happens to requests ([`crate::store::issues`]), the others by people; an issue ends with its answer.

use std::sync::LazyLock;

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::civil::Date;
use jsonschema::Validator;
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;
use xiezhi_schemas::address::ProvinceCode;

use super::{
    issue_list,
    log::{self, ADD, ClosingBody, EntryBody, actor, must_say},
    views::{self, IssueView},
};
use crate::{
    audit,
    directory::today,
    http::{
        App,
        auth::{Caller, Need},
        codes::{self, Code},
        problem::Problem,
        routes::{Answer, PLAIN, Route, json, schema_of},
        typed,
    },
    intake::validate,
    store::{
        Store, StoreError,
        consultations::province_of,
        divisions,
        issues::{self as table, Filter, NewIssue},
        matters::{self, EntryKind, MatterKind, NewEntry},
        requests,
    },
};

const OPEN: &[Code] = &typed::problems::<3, 12>([codes::NOT_FOUND, codes::ISSUE, codes::MATTER_ENTRY]);
const ASSIGN: &[Code] =
    &typed::problems::<4, 13>([codes::NOT_FOUND, codes::ISSUE, codes::MATTER_ENTRY, codes::MATTER_CLOSED]);

/// The operations of this room.
pub const ROUTES: &[Route] = &[
    Route {
        method: "post",
        path: "/v1/issues",
        operation: "openIssue",
        summary: "Opens an issue of a province. Parked demands, disagreements with the order of delivery, late receipts before \
                  registered demands, contradictory results and repeated returns open theirs by themselves.",
        need: Some(Need::Operator),
        body: &[("application/json", Some(schema_of::<IssueBody>))],
        answers: &[json::<IssueView>(201, "It is open.")],
        problems: OPEN,
        handler: || post(open),
        ..PLAIN
    },
    Route {
        path: "/v1/issues",
        operation: "listIssues",
        summary: "Issues, oldest first, page by page.",
        need: Some(Need::Operator),
        query: Some(schema_of::<issue_list::ListQuery>),
        answers: &[json::<issue_list::Page>(200, "One page; next is absent on the last.")],
        handler: || get(issue_list::list),
        ..PLAIN
    },
    Route {
        path: "/v1/issues/export",
        operation: "exportIssues",
        summary: "Every issue of a province, or of all, in one file: without a choice the open ones.",
        need: Some(Need::Operator),
        query: Some(schema_of::<issue_list::ExportQuery>),
        answers: &[Answer {
            status: 200,
            meaning: "CSV, or JSON lines in the same columns.",
            media_type: "text/csv",
            schema: None,
        }],
        handler: || get(issue_list::export),
        ..PLAIN
    },
    Route {
        path: "/v1/issues/{issue_id}",
        operation: "showIssue",
        summary: "One issue with its log.",
        need: Some(Need::Operator),
        answers: &[json::<IssueView>(200, "The issue.")],
        problems: &[codes::NOT_FOUND],
        handler: || get(show),
        ..PLAIN
    },
    Route {
        method: "post",
        path: "/v1/issues/{issue_id}/entries",
        operation: "noteIssue",
        summary: "Adds a note or a document to the log.",
        need: Some(Need::Operator),
        body: &[("application/json", Some(schema_of::<EntryBody>))],
        answers: &[json::<IssueView>(201, "It is added.")],
        problems: ADD,
        handler: || post(note),
        ..PLAIN
    },
    Route {
        method: "post",
        path: "/v1/issues/{issue_id}/assign",
        operation: "assignIssue",
        summary: "Says who sees to it, until when, or both.",
        need: Some(Need::Operator),
        body: &[("application/json", Some(schema_of::<AssignBody>))],
        answers: &[json::<IssueView>(200, "It is recorded.")],
        problems: ASSIGN,
        handler: || post(assign),
        ..PLAIN
    },
    Route {
        method: "post",
        path: "/v1/issues/{issue_id}/close",
        operation: "closeIssue",
        summary: "Ends it with its answer.",
        need: Some(Need::Operator),
        body: &[("application/json", Some(schema_of::<ClosingBody>))],
        answers: &[json::<IssueView>(200, "It is closed.")],
        problems: ADD,
        handler: || post(close),
        ..PLAIN
    },
];

/// Body of `POST /v1/issues`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssueBody {
    /// Of which province; unless the request says it.
    province: Option<ProvinceCode>,
    /// The request that it is about.
    request_id: Option<Uuid>,
    /// What it is, in a line.
    #[schemars(length(min = 5, max = 200))]
    subject: String,
    /// The first entry of the log.
    #[schemars(length(min = 5, max = 4000))]
    text: String,
    /// Who sees to it.
    #[schemars(length(min = 1, max = 100))]
    owner: Option<String>,
    /// Until when: a day in China, today or later.
    due_on: Option<Date>,
}

/// Body of `POST /v1/issues/{issue_id}/assign`; what is absent stays.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssignBody {
    /// Who sees to it.
    #[schemars(length(min = 1, max = 100))]
    owner: Option<String>,
    /// Until when: a day in China, today or later.
    due_on: Option<Date>,
    /// Why.
    #[schemars(length(min = 5, max = 4000))]
    reason: String,
}

static ISSUE: LazyLock<Validator> = LazyLock::new(validate::validator::<IssueBody>);
static ASSIGNMENT: LazyLock<Validator> = LazyLock::new(validate::validator::<AssignBody>);

fn refused(detail: &str) -> Problem {
    Problem::new(codes::ISSUE, detail)
}

fn check_due(due_on: Option<Date>) -> Result<(), Problem> {
    match due_on {
        Some(day) if day < today() => Err(refused("the day on which it is due lies in the past")),
        _ => Ok(()),
    }
}

async fn begin(store: &Store, caller: &Caller, body: &IssueBody) -> Result<Uuid, Problem> {
    must_say(&body.subject, "/subject")?;
    must_say(&body.text, "/text")?;
    check_due(body.due_on)?;
    let mut client = store.client().await?;
    let lies = match body.request_id {
        Some(id) => Some(province_of(&client, id).await?.ok_or_else(Problem::not_found)?),
        None => None,
    };
    let province = match (body.province.as_ref().map(ProvinceCode::as_str), lies) {
        (None, None) => return Err(refused("name the province, or a request that lies in it")),
        (Some(given), Some(lies)) if given != lies => {
            return Err(refused("the request lies in another province"));
        }
        (Some(given), _) => given.to_owned(),
        (None, Some(lies)) => lies,
    };
    if !divisions::has_province(&client, &province).await? {
        return Err(refused("the directory has no such province"));
    }
    let tx = client.transaction().await.map_err(StoreError::from)?;
    let issue_id = Uuid::now_v7();
    let now = requests::clock(&tx).await?;
    matters::insert(&tx, issue_id, MatterKind::Issue, now, actor(caller), &body.text).await?;
    let new = NewIssue {
        issue_id,
        province: &province,
        request_id: body.request_id,
        subject: &body.subject,
        owner: body.owner.as_deref(),
        due_on: body.due_on,
    };
    table::insert(&tx, &new).await?;
    audit::record(&tx, &caller.name, caller.role.as_str(), "issue.open", &format!("issue {issue_id}"))
        .await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    Ok(issue_id)
}

async fn assigned(store: &Store, caller: &Caller, issue_id: Uuid, body: &AssignBody) -> Result<(), Problem> {
    must_say(&body.reason, "/reason")?;
    check_due(body.due_on)?;
    let whom = body.owner.as_ref().map(|owner| format!("owner: {owner}"));
    let until = body.due_on.map(|day| format!("due on {day}"));
    let words: Vec<String> = [whom, until].into_iter().flatten().collect();
    if words.is_empty() {
        return Err(refused("say who sees to it, until when, or both"));
    }
    let text = format!("{}; {}", words.join(", "), body.reason);
    let mut client = store.client().await?;
    let tx = client.transaction().await.map_err(StoreError::from)?;
    let entry = NewEntry { kind: EntryKind::Assigned, text: &text, document: None };
    // Locks the matter first: nobody closes it meanwhile.
    log::write(&tx, (MatterKind::Issue, issue_id), actor(caller), &entry).await?;
    table::assign(&tx, issue_id, body.owner.as_deref(), body.due_on).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    Ok(())
}

async fn one(app: &App, caller: &Caller, issue_id: Uuid) -> Result<IssueView, Problem> {
    caller.need(Need::Operator)?;
    let filter = Filter { issue_id: Some(issue_id), ..Filter::default() };
    let client = app.store.client().await?;
    let lines = table::page(&client, &filter, 1).await?;
    views::issues(&client, lines).await?.into_iter().next().ok_or_else(Problem::not_found)
}

async fn open(State(app): State<App>, caller: Caller, bytes: Body) -> Result<Response, Problem> {
    caller.need(Need::Operator)?;
    let body = typed::read::<IssueBody>(&app, bytes, &ISSUE).await?.body;
    let (store, who) = (app.store.clone(), caller.clone());
    let id = app.finish(async move { begin(&store, &who, &body).await }).await??;
    let location = [(header::LOCATION, format!("/v1/issues/{id}"))];
    Ok((StatusCode::CREATED, location, Json(one(&app, &caller, id).await?)).into_response())
}

async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(issue_id): Path<Uuid>,
) -> Result<Json<IssueView>, Problem> {
    one(&app, &caller, issue_id).await.map(Json)
}

async fn note(
    State(app): State<App>,
    caller: Caller,
    Path(issue_id): Path<Uuid>,
    bytes: Body,
) -> Result<(StatusCode, Json<IssueView>), Problem> {
    one(&app, &caller, issue_id).await?;
    log::post_note(&app, &caller, (MatterKind::Issue, issue_id), bytes).await?;
    Ok((StatusCode::CREATED, Json(one(&app, &caller, issue_id).await?)))
}

async fn assign(
    State(app): State<App>,
    caller: Caller,
    Path(issue_id): Path<Uuid>,
    bytes: Body,
) -> Result<Json<IssueView>, Problem> {
    one(&app, &caller, issue_id).await?;
    let body = typed::read::<AssignBody>(&app, bytes, &ASSIGNMENT).await?.body;
    let (store, who) = (app.store.clone(), caller.clone());
    app.finish(async move { assigned(&store, &who, issue_id, &body).await }).await??;
    one(&app, &caller, issue_id).await.map(Json)
}

async fn close(
    State(app): State<App>,
    caller: Caller,
    Path(issue_id): Path<Uuid>,
    bytes: Body,
) -> Result<Json<IssueView>, Problem> {
    one(&app, &caller, issue_id).await?;
    log::post_close(&app, &caller, (MatterKind::Issue, issue_id), bytes).await?;
    one(&app, &caller, issue_id).await.map(Json)
}
