//! `GET /v1/demands`: requests by what they are about, page by page.

use axum::{Json, extract::State};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use xiezhi_domain::State as RequestState;

use super::show::{Summary, visible};
use crate::{
    http::{App, auth::Caller, codes, problem::Problem, query::Query},
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
    pub requests: Vec<Summary>,
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
    let limit = query.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(Problem::new(codes::QUERY, "limit is 1 to 500"));
    }
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
    let more = i64::try_from(found.len()).is_ok_and(|count| count > limit);
    if more {
        found.pop();
    }
    let next = found.last().filter(|_| more).map(|last| cursor(last.accepted_at, last.request_id));
    Ok(Json(Page { requests: found.into_iter().map(Summary::from).collect(), next }))
}

/// Opaque on purpose: callers must not build positions of their own.
fn cursor(at: Timestamp, id: Uuid) -> String {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&at.as_microsecond().to_be_bytes());
    bytes[8..].copy_from_slice(id.as_bytes());
    BASE64.encode(bytes)
}

fn read_cursor(text: &str) -> Result<(Timestamp, Uuid), Problem> {
    let read = || {
        let bytes: [u8; 24] = BASE64.decode(text).ok()?.try_into().ok()?;
        let (at, id) = bytes.split_at(8);
        let at = Timestamp::from_microsecond(i64::from_be_bytes(at.try_into().ok()?)).ok()?;
        Some((at, Uuid::from_slice(id).ok()?))
    };
    read().ok_or_else(|| Problem::new(codes::QUERY, "the cursor is not one that this hub gave"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        let at: Timestamp = "2026-03-01T01:02:03.456789Z".parse().unwrap();
        let id = Uuid::from_u128(7);
        assert_eq!(read_cursor(&cursor(at, id)).unwrap(), (at, id));
        for text in ["", "x", "AAAA", "////////////////////////////////"] {
            assert!(read_cursor(text).is_err(), "{text}");
        }
    }
}
