//! `/v1/consultations`: what courts and registration authorities talk about (会商工作机制, 法〔2024〕32号 三(二)).
//!
//! A return for a mismatch opens one by itself, because somebody must find out which of the two, notice or register, is
//! wrong; the rest are opened by people.

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
use xiezhi_schemas::address::ProvinceCode;

use super::{
    log::{self, ADD, ClosingBody, EntryBody, actor, must_say},
    views::{self, ConsultationView},
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
        routes::{PLAIN, Route, json, schema_of},
        typed,
    },
    intake::{show::visible, validate},
    store::{
        Store, StoreError,
        consultations::{self as table, Filter, NewConsultation},
        matters::{self, MatterKind},
        requests,
    },
};

const OPEN: &[Code] =
    &typed::problems::<3, 12>([codes::NOT_FOUND, codes::CONSULTATION_LEVEL, codes::MATTER_ENTRY]);

/// The operations of this room.
pub const ROUTES: &[Route] = &[
    Route {
        method: "post",
        path: "/v1/consultations",
        operation: "openConsultation",
        summary: "For operators: opens a consultation (会商) at national or province level.",
        need: Some(Need::Operator),
        body: &[("application/json", Some(schema_of::<ConsultationBody>))],
        answers: &[json::<ConsultationView>(201, "It is open.")],
        problems: OPEN,
        handler: || post(open),
        ..PLAIN
    },
    Route {
        path: "/v1/consultations",
        operation: "listConsultations",
        summary: "Consultations, oldest first, page by page: for a court those about its requests, for operators all.",
        need: Some(Need::CourtOrOperator),
        query: Some(schema_of::<ListQuery>),
        answers: &[json::<Page>(200, "One page; next is absent on the last.")],
        handler: || get(list),
        ..PLAIN
    },
    Route {
        path: "/v1/consultations/{consultation_id}",
        operation: "showConsultation",
        summary: "One consultation with its log.",
        need: Some(Need::CourtOrOperator),
        answers: &[json::<ConsultationView>(200, "The consultation.")],
        problems: &[codes::NOT_FOUND],
        handler: || get(show),
        ..PLAIN
    },
    Route {
        method: "post",
        path: "/v1/consultations/{consultation_id}/entries",
        operation: "noteConsultation",
        summary: "Adds a note or a document to the log.",
        need: Some(Need::CourtOrOperator),
        body: &[("application/json", Some(schema_of::<EntryBody>))],
        answers: &[json::<ConsultationView>(201, "It is added.")],
        problems: ADD,
        handler: || post(note),
        ..PLAIN
    },
    Route {
        method: "post",
        path: "/v1/consultations/{consultation_id}/close",
        operation: "closeConsultation",
        summary: "For operators: ends a consultation with its result.",
        need: Some(Need::Operator),
        body: &[("application/json", Some(schema_of::<ClosingBody>))],
        answers: &[json::<ConsultationView>(200, "It is closed.")],
        problems: ADD,
        handler: || post(close),
        ..PLAIN
    },
];

/// At which level people talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// 最高人民法院 and 自然资源部.
    National,
    /// High court and natural resources department of a province.
    Province,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::National => "national",
            Self::Province => "province",
        }
    }
}

/// Why a consultation was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cause {
    /// By a return: notice and register differ (协执信息与登记簿记载信息不一致).
    RegisterMismatch,
    /// By a person.
    Person,
}

impl Cause {
    fn as_str(self) -> &'static str {
        match self {
            Self::RegisterMismatch => "register_mismatch",
            Self::Person => "person",
        }
    }
}

/// Body of `POST /v1/consultations`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsultationBody {
    /// At which level.
    level: Level,
    /// Which province; for the level `province`, unless a request says it.
    province: Option<ProvinceCode>,
    /// The request that it is about.
    request_id: Option<Uuid>,
    /// What it is about, in a line.
    #[schemars(length(min = 5, max = 200))]
    subject: String,
    /// The first entry of the log.
    #[schemars(length(min = 5, max = 4000))]
    text: String,
}

static CONSULTATION: LazyLock<Validator> = LazyLock::new(validate::validator::<ConsultationBody>);

async fn begin(store: &Store, caller: &Caller, body: &ConsultationBody) -> Result<Uuid, Problem> {
    must_say(&body.subject, "/subject")?;
    must_say(&body.text, "/text")?;
    let level = |detail: &str| Problem::new(codes::CONSULTATION_LEVEL, detail);
    let mut client = store.client().await?;
    let of_request = match body.request_id {
        Some(id) => Some(table::province_of(&client, id).await?.ok_or_else(Problem::not_found)?),
        None => None,
    };
    let given = body.province.as_ref().map(|province| province.as_str().to_owned());
    let province = match (body.level, given, of_request) {
        (Level::National, Some(_), _) => return Err(level("a national consultation names no province")),
        (Level::National, None, _) => None,
        (Level::Province, None, None) => {
            return Err(level("name the province, or a request that lies in it"));
        }
        (Level::Province, Some(given), Some(lies)) if given != lies => {
            return Err(level("the request lies in another province"));
        }
        (Level::Province, given, lies) => given.or(lies),
    };
    if let Some(code) = &province
        && !crate::store::divisions::has_province(&client, code).await?
    {
        return Err(level("the directory has no such province"));
    }
    let tx = client.transaction().await.map_err(StoreError::from)?;
    let consultation_id = Uuid::now_v7();
    let now = requests::clock(&tx).await?;
    let kind = MatterKind::Consultation;
    matters::insert(&tx, consultation_id, kind, now, actor(caller), &body.text).await?;
    let new = NewConsultation {
        consultation_id,
        level: body.level.as_str(),
        province: province.as_deref(),
        request_id: body.request_id,
        subject: &body.subject,
    };
    table::insert(&tx, &new).await?;
    let object = format!("consultation {consultation_id}");
    audit::record(&tx, &caller.name, caller.role.as_str(), "consultation.open", &object).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    Ok(consultation_id)
}

async fn one(app: &App, caller: &Caller, consultation_id: Uuid) -> Result<ConsultationView, Problem> {
    let sender = visible(caller, None)?;
    let filter = Filter { consultation_id: Some(consultation_id), sender, ..Filter::default() };
    let client = app.store.client().await?;
    let lines = table::page(&client, &filter, 1).await?;
    views::consultations(&client, lines).await?.into_iter().next().ok_or_else(Problem::not_found)
}

async fn open(State(app): State<App>, caller: Caller, bytes: Body) -> Result<Response, Problem> {
    caller.need(Need::Operator)?;
    let body = typed::read::<ConsultationBody>(&app, bytes, &CONSULTATION).await?.body;
    let (store, who) = (app.store.clone(), caller.clone());
    let id = app.finish(async move { begin(&store, &who, &body).await }).await??;
    let location = [(header::LOCATION, format!("/v1/consultations/{id}"))];
    Ok((StatusCode::CREATED, location, Json(one(&app, &caller, id).await?)).into_response())
}

async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(consultation_id): Path<Uuid>,
) -> Result<Json<ConsultationView>, Problem> {
    one(&app, &caller, consultation_id).await.map(Json)
}

async fn note(
    State(app): State<App>,
    caller: Caller,
    Path(consultation_id): Path<Uuid>,
    bytes: Body,
) -> Result<(StatusCode, Json<ConsultationView>), Problem> {
    one(&app, &caller, consultation_id).await?;
    log::post_note(&app, &caller, (MatterKind::Consultation, consultation_id), bytes).await?;
    Ok((StatusCode::CREATED, Json(one(&app, &caller, consultation_id).await?)))
}

async fn close(
    State(app): State<App>,
    caller: Caller,
    Path(consultation_id): Path<Uuid>,
    bytes: Body,
) -> Result<Json<ConsultationView>, Problem> {
    caller.need(Need::Operator)?;
    one(&app, &caller, consultation_id).await?;
    log::post_close(&app, &caller, (MatterKind::Consultation, consultation_id), bytes).await?;
    one(&app, &caller, consultation_id).await.map(Json)
}

/// Query of the list; all given conditions hold together.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// `national` or `province`.
    level: Option<Level>,
    /// Of one province.
    province: Option<ProvinceCode>,
    /// `register_mismatch` or `person`.
    cause: Option<Cause>,
    /// About one request.
    request_id: Option<Uuid>,
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
#[schemars(rename = "ConsultationPage")]
pub(crate) struct Page {
    /// The consultations.
    items: Vec<ConsultationView>,
    /// Cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page>, Problem> {
    let limit = page_size(query.limit)?;
    let filter = Filter {
        sender: visible(&caller, None)?,
        level: query.level.map(Level::as_str),
        province: query.province.as_ref().map(ProvinceCode::as_str),
        cause: query.cause.map(Cause::as_str),
        request_id: query.request_id,
        open: query.open,
        consultation_id: None,
        after: query.cursor.as_deref().map(read_cursor).transpose()?,
    };
    let client = app.store.client().await?;
    let mut lines = table::page(&client, &filter, limit + 1).await?;
    let more = cut(&mut lines, limit);
    let next = lines.last().filter(|_| more).map(|last| cursor(last.opened_at, last.consultation_id));
    Ok(Json(Page { items: views::consultations(&client, lines).await?, next }))
}
