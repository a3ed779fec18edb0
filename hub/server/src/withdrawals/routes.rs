//! `/v1/withdrawals`: courts ask and follow, connectors carry.

use std::sync::LazyLock;

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::Timestamp;
use jsonschema::Validator;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;
use xiezhi_domain::withdrawal::WithdrawalState;
use xiezhi_schemas::{
    address::{ProvinceCode, RegistryCode},
    message::{Attachment, OfferedWithdrawal, WithdrawalRequest, WithdrawalTaking},
};

use super::{ask, offer};
use crate::{
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
    store::withdrawals::{self as table, Filter, Line},
};

const ASK_PROBLEMS: &[Code] = &typed::problems::<7, 16>([
    codes::NOT_FOUND,
    codes::DOCUMENT_MISSING,
    codes::DOCUMENT_DIFFERS,
    codes::WITHDRAWAL_LETTER,
    codes::WITHDRAWAL_REGISTERED,
    codes::WITHDRAWAL_OVER,
    codes::WITHDRAWAL_OPEN,
]);
const TAKE_PROBLEMS: &[Code] = &typed::problems::<1, 10>([codes::NOT_FOUND]);

/// The operations of this room.
pub const ROUTES: &[Route] = &[
    Route {
        method: "post",
        path: "/v1/withdrawals",
        operation: "askWithdrawal",
        summary: "Asks the registry in writing to give a demand back (书面提出撤回需求) before it is registered; the registry decides. \
                  The same body again gets the first answer.",
        need: Some(Need::Court),
        body: &[("application/json", Some(schema_of::<WithdrawalRequest>))],
        answers: &[
            json::<WithdrawalView>(201, "It is taken and will be offered to the registry."),
            json::<WithdrawalView>(200, "It was taken before; as it stands now."),
        ],
        problems: ASK_PROBLEMS,
        handler: || post(post_wish),
        ..PLAIN
    },
    Route {
        path: "/v1/withdrawals",
        operation: "listWithdrawals",
        summary: "Withdrawals, oldest first, page by page: a court's own, for operators all.",
        need: Some(Need::CourtOrOperator),
        query: Some(schema_of::<ListQuery>),
        answers: &[json::<Page>(200, "One page; next is absent on the last.")],
        handler: || get(list),
        ..PLAIN
    },
    Route {
        path: "/v1/withdrawals/{withdrawal_id}",
        operation: "showWithdrawal",
        summary: "One withdrawal.",
        need: Some(Need::CourtOrOperator),
        answers: &[json::<WithdrawalView>(200, "The withdrawal.")],
        problems: &[codes::NOT_FOUND],
        handler: || get(show),
        ..PLAIN
    },
    Route {
        path: "/v1/withdrawals/offered",
        operation: "offeredWithdrawals",
        summary: "For connectors: withdrawals of demands that their registries hold and that were not handed over yet.",
        need: Some(Need::Connector),
        query: Some(schema_of::<OfferedQuery>),
        answers: &[json::<Offers>(200, "The oldest, perhaps none.")],
        handler: || get(offered),
        ..PLAIN
    },
    Route {
        method: "post",
        path: "/v1/withdrawals/{withdrawal_id}/taking",
        operation: "takeWithdrawal",
        summary: "For connectors: what the registry's system did with a withdrawal. Repeats are harmless.",
        need: Some(Need::Connector),
        body: &[("application/json", Some(schema_of::<Taking>))],
        answers: &[Answer { status: 204, meaning: "It is noted.", media_type: "", schema: None }],
        problems: TAKE_PROBLEMS,
        handler: || post(take),
        ..PLAIN
    },
];

/// A withdrawal as courts and operators see it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WithdrawalView {
    /// Its id.
    pub withdrawal_id: Uuid,
    /// The request that the court wishes back.
    pub request_id: Uuid,
    /// Who asked.
    pub sender: String,
    /// The court's own number of the demand.
    pub demand_id: String,
    /// 不动产单元代码.
    pub unit_code: String,
    /// The registry that decides.
    pub registry: String,
    /// Its province.
    pub province: String,
    /// When the hub took it.
    pub asked_at: Timestamp,
    /// Why, in the court's words.
    pub reason: String,
    /// The sealed letter.
    pub letter: Attachment,
    /// What the registry's system did with it: `held` or `unsupported`; absent while it was not handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taking: Option<String>,
    /// When that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<Timestamp>,
    /// Where it stands.
    pub state: WithdrawalState,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// The registry's words when it declined. An agreement is the request's result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Value>,
}

impl WithdrawalView {
    fn read(line: Line) -> Result<Self, Problem> {
        let wish: WithdrawalRequest = serde_json::from_slice(&line.submission)
            .map_err(|error| crate::store::decode("withdrawal.submission", error))?;
        Ok(Self {
            withdrawal_id: line.withdrawal_id,
            request_id: line.request_id,
            sender: line.sender,
            demand_id: line.demand_id,
            unit_code: line.unit_key,
            registry: line.registry,
            province: line.province,
            asked_at: line.asked_at,
            reason: wish.reason,
            letter: wish.letter,
            taking: line.taking,
            taken_at: line.taken_at,
            state: line.state,
            decided_at: line.decided_at,
            decision: line.decision,
        })
    }
}

static WISH: LazyLock<Validator> = LazyLock::new(validate::validator::<WithdrawalRequest>);
static TAKING: LazyLock<Validator> = LazyLock::new(validate::validator::<Taking>);

async fn post_wish(State(app): State<App>, caller: Caller, bytes: Body) -> Result<Response, Problem> {
    caller.need(Need::Court)?;
    let wish = typed::read::<WithdrawalRequest>(&app, bytes, &WISH).await?;
    let (store, sender) = (app.store.clone(), caller.name.clone());
    let asked = app.finish(async move { ask::ask(&store, &sender, wish).await }).await??;
    let view = one(&app, asked.withdrawal_id, Some(&caller.name)).await?;
    let status = if asked.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let location = [(header::LOCATION, format!("/v1/withdrawals/{}", asked.withdrawal_id))];
    Ok((status, location, Json(view)).into_response())
}

async fn one(app: &App, withdrawal_id: Uuid, sender: Option<&str>) -> Result<WithdrawalView, Problem> {
    let filter = Filter { withdrawal_id: Some(withdrawal_id), sender, ..Filter::default() };
    let found = table::page(&*app.store.client().await?, &filter, 1).await?;
    WithdrawalView::read(found.into_iter().next().ok_or_else(Problem::not_found)?)
}

async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(withdrawal_id): Path<Uuid>,
) -> Result<Json<WithdrawalView>, Problem> {
    one(&app, withdrawal_id, visible(&caller, None)?).await.map(Json)
}

/// Query of the list; all given conditions hold together.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// `open`, `agreed`, `declined` or `overtaken`.
    state: Option<WithdrawalState>,
    /// Of one request.
    request_id: Option<Uuid>,
    /// Of registries of one province.
    province: Option<ProvinceCode>,
    /// Of one registry.
    registry: Option<RegistryCode>,
    /// For operators: who asked.
    sender: Option<String>,
    /// At most so many, 50 by default.
    #[schemars(range(min = 1, max = 500))]
    limit: Option<i64>,
    /// `next` of the page before; goes with the same conditions only.
    cursor: Option<String>,
}

/// One page, oldest first.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WithdrawalPage")]
pub(crate) struct Page {
    /// The withdrawals.
    items: Vec<WithdrawalView>,
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
        sender: visible(&caller, query.sender.as_deref())?,
        state: query.state,
        request_id: query.request_id,
        province: query.province.as_ref().map(ProvinceCode::as_str),
        registry: query.registry.as_ref().map(RegistryCode::as_str),
        withdrawal_id: None,
        after: query.cursor.as_deref().map(read_cursor).transpose()?,
    };
    let mut found = table::page(&*app.store.client().await?, &filter, limit + 1).await?;
    let more = cut(&mut found, limit);
    let next = found.last().filter(|_| more).map(|last| cursor(last.asked_at, last.withdrawal_id));
    let items = found.into_iter().map(WithdrawalView::read).collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next }))
}

/// Query of a connector.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfferedQuery {
    /// Only of these registries, separated by commas; all of the province when absent.
    registries: Option<String>,
    /// At most so many, 50 by default.
    #[schemars(range(min = 1, max = 500))]
    limit: Option<i64>,
}

/// What is offered.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Offers {
    /// The oldest first.
    withdrawals: Vec<OfferedWithdrawal>,
}

fn province(caller: &Caller) -> Result<&ProvinceCode, Problem> {
    caller.need(Need::Connector)?;
    caller.role.province().ok_or_else(Problem::not_found)
}

async fn offered(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<OfferedQuery>,
) -> Result<Json<Offers>, Problem> {
    let province = province(&caller)?;
    let limit = page_size(query.limit)?;
    let registries: Option<Vec<String>> =
        query.registries.map(|list| list.split(',').map(str::to_owned).collect());
    let withdrawals = offer::offered(&app.store, &app.secret, province, registries.as_deref(), limit).await?;
    Ok(Json(Offers { withdrawals }))
}

/// What a connector says.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Taking {
    /// What the registry's system did with it.
    taking: WithdrawalTaking,
}

async fn take(
    State(app): State<App>,
    caller: Caller,
    Path(withdrawal_id): Path<Uuid>,
    bytes: Body,
) -> Result<StatusCode, Problem> {
    let province = province(&caller)?.clone();
    let taking = typed::read::<Taking>(&app, bytes, &TAKING).await?.body.taking;
    let store = app.store.clone();
    app.finish(async move { offer::taken(&store, &province, withdrawal_id, taking).await }).await??;
    Ok(StatusCode::NO_CONTENT)
}
