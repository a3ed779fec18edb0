//! `/v1/window` and `/v1/outages`.

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;
use xiezhi_schemas::{
    address::{ProvinceCode, RegistryCode},
    message::{OutcomeAnswer, OutcomeMessage, WindowEntry},
};

use super::{
    confirm::{self, SecondWord},
    entry::{self, Clerk, Incoming, Outcome},
    outages::{self, Announcement, Ending, MergeReport, MergedView},
    outcome,
    view::{self, Entered, Status},
};
use crate::{
    http::{
        App,
        auth::{Caller, Need},
        body, codes,
        problem::Problem,
        query::Query,
        routes::{PLAIN, Route, json, schema_of},
    },
    intake::routes as intake,
    store::{
        outages::{self as outage_table, Filter as OutageFilter, Outage},
        window as table,
    },
};

/// The operations of this room.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/v1/window/rules",
        operation: "showWindowRules",
        summary: "The published bounds for entries at a window (线下窗口) and for reports of point-to-point systems (点对点).",
        need: Some(Need::Any),
        answers: &[json::<Rules>(200, "The bounds, in seconds.")],
        handler: || get(rules),
        ..PLAIN
    },
    Route {
        method: "post",
        path: "/v1/window/entries",
        operation: "enterWindow",
        summary: "Enters papers handed in at the window. Idempotent by clerk and demand_id: the same entry again is answered as it stands.",
        need: Some(Need::Clerk),
        body: &[("application/json", Some(schema_of::<WindowEntry>))],
        answers: &[
            json::<Entered>(201, "Recorded with its receipts, or pending for a second person."),
            json::<Entered>(200, "Entered before: as it stands now."),
        ],
        problems: ENTRY_PROBLEMS,
        handler: || post(enter),
        ..PLAIN
    },
    Route {
        path: "/v1/window/entries",
        operation: "listWindowEntries",
        summary: "Entries in the order of entering, page by page: a clerk's own registry's, an operator's all.",
        need: Some(Need::ClerkOrOperator),
        query: Some(schema_of::<ListQuery>),
        answers: &[json::<Page>(200, "One page; next is absent on the last.")],
        handler: || get(list),
        ..PLAIN
    },
    Route {
        path: "/v1/window/entries/{entry_id}",
        operation: "showWindowEntry",
        summary: "One entry with its receipts.",
        need: Some(Need::ClerkOrOperator),
        answers: &[json::<Entered>(200, "The entry.")],
        problems: &[codes::NOT_FOUND],
        handler: || get(show),
        ..PLAIN
    },
    Route {
        method: "post",
        path: "/v1/window/entries/{entry_id}/decision",
        operation: "decideWindowEntry",
        summary: "The second person's word about a pending entry: confirm records it now, refuse ends it.",
        need: Some(Need::ClerkOrOperator),
        body: &[("application/json", Some(schema_of::<SecondWord>))],
        answers: &[json::<Entered>(200, "Decided.")],
        problems: &[
            codes::NOT_JSON,
            codes::NOT_FOUND,
            codes::WINDOW_ENTRY,
            codes::WINDOW_SAME_PERSON,
            codes::WINDOW_DECIDED,
            codes::WINDOW_TOO_LATE,
            codes::WINDOW_PRIOR,
            codes::CLOCK,
        ],
        handler: || post(decide),
        ..PLAIN
    },
    Route {
        method: "post",
        path: "/v1/window/outcomes",
        operation: "reportWindowOutcome",
        summary: "What the registry decided about a demand of its window or local link: result or return, as connectors report it.",
        need: Some(Need::Clerk),
        body: &[("application/json", Some(schema_of::<OutcomeMessage>))],
        answers: &[json::<OutcomeAnswer>(200, "What the hub did with it.")],
        problems: &[codes::NOT_JSON, codes::NOT_FOUND, codes::WINDOW_ENTRY, codes::WINDOW_OUTCOME],
        handler: || post(report),
        ..PLAIN
    },
    Route {
        method: "post",
        path: "/v1/outages",
        operation: "announceOutage",
        summary: "Announces an outage (应急联动): papers handed over meanwhile may be entered within a longer bound.",
        need: Some(Need::Operator),
        body: &[("application/json", Some(schema_of::<Announcement>))],
        answers: &[json::<Outage>(201, "It is announced.")],
        problems: &[codes::NOT_JSON, codes::OUTAGE],
        handler: || post(announce),
        ..PLAIN
    },
    Route {
        path: "/v1/outages",
        operation: "listOutages",
        summary: "Announced outages in the order of announcement, page by page.",
        need: Some(Need::Any),
        query: Some(schema_of::<OutageQuery>),
        answers: &[json::<OutagePage>(200, "One page; next is absent on the last.")],
        handler: || get(list_outages),
        ..PLAIN
    },
    Route {
        method: "post",
        path: "/v1/outages/{outage_id}/end",
        operation: "endOutage",
        summary: "Ends an outage.",
        need: Some(Need::Operator),
        body: &[("application/json", Some(schema_of::<Ending>))],
        answers: &[json::<Outage>(200, "It is ended.")],
        problems: &[codes::NOT_JSON, codes::NOT_FOUND, codes::OUTAGE],
        handler: || post(end_outage),
        ..PLAIN
    },
    Route {
        path: "/v1/outages/{outage_id}/report",
        operation: "reportOutage",
        summary: "How what was served at windows during the outage came into line with the rest, by unit in the order of the law.",
        need: Some(Need::Operator),
        query: Some(schema_of::<ReportQuery>),
        answers: &[json::<MergeReport>(200, "One page; next is absent on the last.")],
        problems: &[codes::NOT_FOUND],
        handler: || get(merge_report),
        ..PLAIN
    },
];

const ENTRY_PROBLEMS: &[codes::Code] = &[
    codes::NOT_JSON,
    codes::SEVERAL,
    codes::WINDOW_ENTRY,
    codes::WINDOW_FUTURE,
    codes::WINDOW_TOO_LATE,
    codes::WINDOW_ELSEWHERE,
    codes::WINDOW_EVIDENCE,
    codes::WINDOW_PRIOR,
    codes::WINDOW_DECIDED,
    codes::KEY_REUSED,
    codes::CLOCK,
];

/// The published bounds, in seconds.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct Rules {
    /// After so long an entry counts as late.
    window_grace_secs: u32,
    /// After so long an entry is refused.
    window_bound_secs: u32,
    /// The same for papers handed over during an announced outage.
    outage_bound_secs: u32,
    /// After so long the report of a local receipt is refused.
    p2p_bound_secs: u32,
}

async fn rules(State(app): State<App>, caller: Caller) -> Result<Json<Rules>, Problem> {
    caller.need(Need::Any)?;
    let rules = &app.desk.rules;
    Ok(Json(Rules {
        window_grace_secs: rules.window_grace_secs,
        window_bound_secs: rules.window_bound_secs,
        outage_bound_secs: app.desk.window_bound(true),
        p2p_bound_secs: rules.p2p_bound_secs,
    }))
}

fn clerk(caller: &Caller) -> Result<Clerk, Problem> {
    caller.need(Need::Clerk)?;
    let registry = caller.role.registry().cloned().ok_or_else(Problem::not_found)?;
    Ok(Clerk { name: caller.name.clone(), registry })
}

async fn read<T: DeserializeOwned>(app: &App, bytes: Body, code: codes::Code) -> Result<T, Problem> {
    let most = app.settings.max_body_bytes;
    let bytes = body::whole(bytes, most, app.request_timeout()).await?;
    let value = intake::parse(&bytes, most)?;
    serde_json::from_value(value).map_err(|error| Problem::new(code, error.to_string()))
}

async fn enter(State(app): State<App>, caller: Caller, bytes: Body) -> Result<Response, Problem> {
    let clerk = clerk(&caller)?;
    let most = app.settings.max_body_bytes;
    let bytes = body::whole(bytes, most, app.request_timeout()).await?.to_vec();
    let incoming = Incoming { value: intake::parse(&bytes, most)?, bytes };
    let (store, desk) = (app.store.clone(), app.desk.clone());
    let outcome = app.finish(async move { entry::record(&store, &desk, &clerk, incoming).await }).await??;
    let (status, entered) = match outcome {
        Outcome::New(entered) => (StatusCode::CREATED, entered),
        Outcome::Repeat(entered) => (StatusCode::OK, entered),
    };
    app.metrics.add("window_entries_total", u64::from(status == StatusCode::CREATED));
    Ok((status, Json(entered)).into_response())
}

/// Query of the list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Where they stand; all when absent.
    status: Option<Status>,
    /// For operators: of one registry.
    registry: Option<RegistryCode>,
    /// Entered under this outage.
    outage_id: Option<Uuid>,
    /// At most so many, 100 by default.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<i64>,
    /// `next` of the page before.
    cursor: Option<i64>,
}

/// One page of entries.
#[derive(Debug, Serialize, JsonSchema)]
struct Page {
    /// In the order of entering.
    items: Vec<Entered>,
    /// Cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

fn limit(wanted: Option<i64>) -> Result<i64, Problem> {
    let limit = wanted.unwrap_or(100);
    if (1..=1000).contains(&limit) {
        Ok(limit)
    } else {
        Err(Problem::new(codes::QUERY, "limit is 1 to 1000"))
    }
}

async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page>, Problem> {
    caller.need(Need::ClerkOrOperator)?;
    let own = caller.role.registry();
    if own.is_some() && query.registry.as_ref().is_some_and(|wanted| Some(wanted) != own) {
        return Ok(Json(Page { items: Vec::new(), next: None }));
    }
    let limit = limit(query.limit)?;
    let filter = table::Filter {
        registry: own.or(query.registry.as_ref()).map(RegistryCode::as_str),
        status: query.status.map(Status::as_str),
        outage_id: query.outage_id,
    };
    let client = app.store.client().await?;
    let mut found = table::list(&client, &filter, query.cursor.unwrap_or(0), limit + 1).await?;
    let more = i64::try_from(found.len()).is_ok_and(|found| found > limit);
    if more {
        found.pop();
    }
    let next = found.last().filter(|_| more).map(|last| last.n);
    let mut items = Vec::with_capacity(found.len());
    for entry in found {
        items.push(view::entered(&client, entry).await?);
    }
    Ok(Json(Page { items, next }))
}

async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(entry_id): Path<Uuid>,
) -> Result<Json<Entered>, Problem> {
    caller.need(Need::ClerkOrOperator)?;
    let entry = confirm::visible(&app.store, &caller, entry_id).await?;
    Ok(Json(view::entered(&app.store.client().await?, entry).await?))
}

async fn decide(
    State(app): State<App>,
    caller: Caller,
    Path(entry_id): Path<Uuid>,
    bytes: Body,
) -> Result<Json<Entered>, Problem> {
    caller.need(Need::ClerkOrOperator)?;
    let word: SecondWord = read(&app, bytes, codes::WINDOW_ENTRY).await?;
    let (store, desk) = (app.store.clone(), app.desk.clone());
    let decided =
        app.finish(async move { confirm::decide(&store, &desk, &caller, entry_id, &word).await }).await??;
    Ok(Json(decided))
}

async fn report(State(app): State<App>, caller: Caller, bytes: Body) -> Result<Json<OutcomeAnswer>, Problem> {
    let clerk = clerk(&caller)?;
    let message: OutcomeMessage = read(&app, bytes, codes::WINDOW_ENTRY).await?;
    let (store, desk) = (app.store.clone(), app.desk.clone());
    let recorded = app
        .finish(async move { outcome::record(&store, &desk, &clerk.name, &clerk.registry, message).await })
        .await??;
    Ok(Json(recorded))
}

async fn announce(State(app): State<App>, caller: Caller, bytes: Body) -> Result<Response, Problem> {
    caller.need(Need::Operator)?;
    let wanted: Announcement = read(&app, bytes, codes::OUTAGE).await?;
    let store = app.store.clone();
    let announced =
        app.finish(async move { outages::announce(&store, &caller.name, &wanted).await }).await??;
    Ok((StatusCode::CREATED, Json(announced)).into_response())
}

async fn end_outage(
    State(app): State<App>,
    caller: Caller,
    Path(outage_id): Path<Uuid>,
    bytes: Body,
) -> Result<Json<Outage>, Problem> {
    caller.need(Need::Operator)?;
    let wanted: Ending = read(&app, bytes, codes::OUTAGE).await?;
    let store = app.store.clone();
    let ended =
        app.finish(async move { outages::end(&store, &caller.name, outage_id, &wanted).await }).await??;
    Ok(Json(ended))
}

/// Query of the outages.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OutageQuery {
    /// Of a province and its registries.
    province: Option<ProvinceCode>,
    /// That concern a registry: its own and its province's.
    registry: Option<RegistryCode>,
    /// Whether it lasts; all when absent.
    open: Option<bool>,
    /// At most so many, 100 by default.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<i64>,
    /// `next` of the page before.
    cursor: Option<Uuid>,
}

/// One page of outages.
#[derive(Debug, Serialize, JsonSchema)]
struct OutagePage {
    /// In the order of announcement.
    items: Vec<Outage>,
    /// Cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Uuid>,
}

async fn list_outages(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<OutageQuery>,
) -> Result<Json<OutagePage>, Problem> {
    caller.need(Need::Any)?;
    let limit = limit(query.limit)?;
    let filter = OutageFilter {
        outage_id: None,
        province: query.province,
        registry: query.registry,
        open: query.open,
    };
    let client = app.store.client().await?;
    let mut items = outage_table::list(&client, &filter, query.cursor, limit + 1).await?;
    let more = i64::try_from(items.len()).is_ok_and(|found| found > limit);
    if more {
        items.pop();
    }
    let next = items.last().filter(|_| more).map(|last| last.outage_id);
    Ok(Json(OutagePage { items, next }))
}

/// Query of the report.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReportQuery {
    /// At most so many receipts, 100 by default.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<i64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

async fn merge_report(
    State(app): State<App>,
    caller: Caller,
    Path(outage_id): Path<Uuid>,
    Query(query): Query<ReportQuery>,
) -> Result<Json<MergeReport>, Problem> {
    caller.need(Need::Operator)?;
    let limit = limit(query.limit)?;
    let after = query.cursor.as_deref().map(outages::after).transpose()?;
    let client = app.store.client().await?;
    let known = OutageFilter { outage_id: Some(outage_id), ..OutageFilter::default() };
    let found = outage_table::list(&client, &known, None, 1).await?;
    let outage = found.into_iter().next().ok_or_else(Problem::not_found)?;
    let mut merged = outage_table::merged(&client, outage_id, after.as_ref(), limit + 1).await?;
    let more = i64::try_from(merged.len()).is_ok_and(|found| found > limit);
    if more {
        merged.pop();
    }
    let next = merged.last().filter(|_| more).map(outages::cursor);
    Ok(Json(MergeReport { outage, items: merged.into_iter().map(MergedView::from).collect(), next }))
}
