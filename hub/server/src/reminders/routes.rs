//! `GET /v1/reminders`: what is due, each caller its own.

use axum::{Json, extract::State, routing::get};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use xiezhi_schemas::{
    address::{ProvinceCode, RegistryCode},
    message::{Addressee, LimitBasis, ReminderKind, ReminderLevel},
};

use crate::{
    http::{
        App,
        auth::{Caller, Need},
        codes,
        problem::Problem,
        query::Query,
        routes::{PLAIN, Route, json, schema_of},
    },
    store::{
        principals::Role,
        reminders::{self as table, Filter, Listed},
    },
};

/// The operations of this room.
pub const ROUTES: &[Route] = &[Route {
    path: "/v1/reminders",
    operation: "listReminders",
    summary: "Reminders (智能提醒), page by page: courts see those to them, connectors those to their province's registries, clerks those to their own, \
              operators all.",
    need: Some(Need::Any),
    query: Some(schema_of::<ListQuery>),
    answers: &[json::<Page>(200, "One page; next is absent on the last.")],
    handler: || get(list),
    ..PLAIN
}];

/// Which reminders are wanted; all given conditions hold together, within what the caller may see.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// `open`, those that stand, or `closed`; all when absent.
    status: Option<Status>,
    /// What they are about.
    kind: Option<ReminderKind>,
    /// How urgent they are.
    level: Option<ReminderLevel>,
    /// For operators: whom they are for.
    addressee: Option<Addressee>,
    /// For operators: the court whose demands they are about.
    sender: Option<String>,
    /// Of one province.
    province: Option<ProvinceCode>,
    /// Of one registry.
    registry: Option<RegistryCode>,
    /// About one request.
    request_id: Option<Uuid>,
    /// At most so many, 100 by default.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<i64>,
    /// `next` of the page before.
    cursor: Option<i64>,
}

/// Whether a reminder stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// It stands.
    Open,
    /// Its cause ended, or a higher level took its place.
    Closed,
}

/// One page of reminders.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Page {
    /// In order of number, which is that of their making.
    items: Vec<ReminderView>,
    /// Cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

/// A reminder and what it is about.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReminderView {
    /// Number.
    reminder_id: i64,
    /// What it is about.
    kind: ReminderKind,
    /// How urgent it is.
    level: ReminderLevel,
    /// Whom it is for.
    addressee: Addressee,
    /// The first instant that is late.
    due_at: Timestamp,
    /// Who set the limit.
    basis: LimitBasis,
    /// When it was made.
    created_at: Timestamp,
    /// When it was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<Timestamp>,
    /// `ended`, or `escalated` when a higher level took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_because: Option<String>,
    /// The request.
    request_id: Uuid,
    /// Who sent it.
    sender: String,
    /// The court's own number of the demand.
    demand_id: String,
    /// Which unit, from 1.
    unit_index: i16,
    /// Province.
    province: String,
    /// The registry.
    registry: String,
    /// Where the request stands.
    state: String,
}

impl From<Listed> for ReminderView {
    fn from(listed: Listed) -> Self {
        Self {
            reminder_id: listed.reminder_id,
            kind: listed.reminder.kind,
            level: listed.reminder.level,
            addressee: listed.reminder.to,
            due_at: listed.reminder.due_at,
            basis: listed.reminder.kind.basis(),
            created_at: listed.created_at,
            closed_at: listed.closed_at,
            closed_because: listed.closed_because,
            request_id: listed.request_id,
            sender: listed.sender,
            demand_id: listed.demand_id,
            unit_index: listed.unit_index,
            province: listed.province,
            registry: listed.registry,
            state: listed.state,
        }
    }
}

/// What of the query the caller may see: its own, whatever it asks for; nobody learns what others have to do.
fn wall<'a>(caller: &'a Caller, query: &'a ListQuery) -> Result<Filter<'a>, Problem> {
    let asked = Filter {
        to: query.addressee,
        sender: query.sender.as_deref(),
        province: query.province.as_ref(),
        registry: query.registry.as_ref(),
        kind: query.kind,
        level: query.level,
        open: query.status.map(|status| status == Status::Open),
        request_id: query.request_id,
    };
    if caller.role != Role::Operator && (query.addressee.is_some() || query.sender.is_some()) {
        return Err(Problem::new(codes::QUERY, "only operators name an addressee or a sender"));
    }
    match &caller.role {
        Role::Operator => Ok(asked),
        Role::Court => Ok(Filter { to: Some(Addressee::Court), sender: Some(&caller.name), ..asked }),
        Role::Connector { province } => {
            if query.province.as_ref().is_some_and(|asked| asked != province) {
                return Err(Problem::new(
                    codes::QUERY,
                    "a connector reads the reminders of its own province",
                ));
            }
            Ok(Filter { to: Some(Addressee::Registry), province: Some(province), ..asked })
        }
        Role::Clerk { registry } => {
            if query.registry.as_ref().is_some_and(|asked| asked != registry) {
                return Err(Problem::new(codes::QUERY, "a clerk reads the reminders of its own registry"));
            }
            Ok(Filter { to: Some(Addressee::Registry), registry: Some(registry), ..asked })
        }
    }
}

async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page>, Problem> {
    let filter = wall(&caller, &query)?;
    let limit = query.limit.unwrap_or(100);
    if !(1..=1000).contains(&limit) {
        return Err(Problem::new(codes::QUERY, "limit is 1 to 1000"));
    }
    let client = app.store.client().await?;
    let mut found = table::list(&client, &filter, query.cursor.unwrap_or(0), limit + 1).await?;
    let more = i64::try_from(found.len()).is_ok_and(|count| count > limit);
    if more {
        found.pop();
    }
    let next = found.last().filter(|_| more).map(|last| last.reminder_id);
    Ok(Json(Page { items: found.into_iter().map(ReminderView::from).collect(), next }))
}
