//! `GET /v1/demands`: requests by what they are about, page by page.

use axum::{Json, extract::State};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use xiezhi_domain::State as RequestState;

use super::show::{Summary, visible};
use crate::{
    http::{
        App,
        auth::Caller,
        codes,
        cursor::{cursor, cut, page_size, read_cursor},
        problem::Problem,
        query::Query,
    },
    store::requests_read::{self as table, Filter},
};

/// Which requests are wanted; all given conditions hold together.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// 执行案号, exactly.
    pub case_number: Option<String>,
    /// 不动产单元代码, exactly.
    pub unit: Option<String>,
    /// State.
    pub state: Option<String>,
    /// Province, two digits.
    pub province: Option<String>,
    /// Registry, six digits.
    pub registry: Option<String>,
    /// For operators: the sender.
    pub sender: Option<String>,
    /// Accepted at or after this instant.
    pub accepted_from: Option<Timestamp>,
    /// Accepted before this instant.
    pub accepted_to: Option<Timestamp>,
    /// Requests on a page, 50 by default.
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<i64>,
    /// `next` of the page before; goes with the same conditions only.
    pub cursor: Option<String>,
}

/// One page, oldest first.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Page {
    /// The requests.
    pub items: Vec<Summary>,
    /// Cursor of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page>, Problem> {
    let sender = visible(&caller, query.sender.as_deref())?;
    let limit = page_size(query.limit)?;
    if let Some(state) = &query.state {
        state.parse::<RequestState>().map_err(|error| Problem::new(codes::QUERY, error.to_string()))?;
    }
    let filter = Filter {
        sender,
        case_number: query.case_number.as_deref(),
        unit: query.unit.as_deref(),
        state: query.state.as_deref(),
        province: query.province.as_deref(),
        registry: query.registry.as_deref(),
        accepted_from: query.accepted_from,
        accepted_to: query.accepted_to,
        after: query.cursor.as_deref().map(read_cursor).transpose()?,
    };
    // One more than asked for tells whether there is a next page.
    let mut found = table::page(&*app.store.client().await?, &filter, limit + 1).await?;
    let more = cut(&mut found, limit);
    let next = found.last().filter(|_| more).map(|last| cursor(last.accepted_at, last.request_id));
    Ok(Json(Page { items: found.into_iter().map(Summary::from).collect(), next }))
}
