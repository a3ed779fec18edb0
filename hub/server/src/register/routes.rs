//! `GET /v1/units/{unit}/queue`: who stands where, and why.

use axum::{
    Json,
    extract::{Path, State},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use xiezhi_domain::State as RequestState;
use xiezhi_schemas::identifier::UnitCode;

use super::queue::{Entry, Key, Line, Outline, Turn};
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
        StoreError, disputes,
        principals::Role,
        units::{self, Demanded},
    },
};

/// The operations of this room.
pub const ROUTES: &[Route] = &[Route {
    path: "/v1/units/{unit}/queue",
    operation: "showQueue",
    summary: "The demands of a property unit in the order of delivery, with the register as it stands. Operators read all, \
              connectors the units of their province, courts the units on which they have a demand: of other courts' \
              demands they see what is registered, without names.",
    need: Some(Need::Any),
    query: Some(schema_of::<QueueQuery>),
    answers: &[json::<Queue>(200, "One page; next is absent on the last.")],
    problems: &[codes::QUERY, codes::NOT_FOUND],
    handler: || get(show),
    ..PLAIN
}];

/// Query of a queue.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueueQuery {
    /// Demands on a page, 50 by default.
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<usize>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// One page of the queue of a unit.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Queue {
    /// 不动产单元代码.
    pub unit_code: String,
    /// The register as it stands.
    pub register: Standing,
    /// Whose turn it is, if a received demand is not answered yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Turn>,
    /// The demands: those with a place first, in their order; then the others, oldest first.
    pub items: Vec<Line>,
    /// Cursor of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// How many seizures the register of a unit holds, as far as they came through this hub.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// 正式; more than one is a disagreement.
    pub formal: usize,
    /// 轮候.
    pub waiting: usize,
    /// Lifted or lapsed.
    pub ended: usize,
}

async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(unit): Path<String>,
    Query(query): Query<QueueQuery>,
) -> Result<Json<Queue>, Problem> {
    let unit: UnitCode = unit.parse().map_err(|_| {
        Problem::new(codes::QUERY, "the path names no property unit; `hub identifier` explains unit codes")
    })?;
    let limit = query.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(Problem::new(codes::QUERY, "limit is 1 to 500"));
    }
    let cursor = query.cursor.as_deref().map(read_cursor).transpose()?;
    let unit = unit.to_string();
    let client = app.store.client().await?;
    let (demands, seizures, disagreements, decision) = tokio::try_join!(
        units::demands(&client, &unit),
        units::stood(&client, &unit),
        units::disagreements(&client, &unit),
        disputes::of_unit(&client, &unit)
    )?;
    if !may_read(&caller, &demands) {
        return Err(Problem::not_found());
    }
    let decision = decision.as_ref().map(|made| Ok::<_, StoreError>((made, made.order()?))).transpose()?;
    let mut outline = Outline::new(&demands, &seizures, &disagreements, decision);
    let court = (caller.role == Role::Court).then_some(caller.name.as_str());
    if let Some(court) = court {
        outline.retain(|demand| demand.sender == court || demand.state == RequestState::Registered);
    }
    let (page, next) = outline.page(cursor, limit);
    let ids: Vec<Uuid> = page.iter().map(Entry::request_id).collect();
    let particulars = units::seizures(&client, &ids).await?;
    drop(client);
    let mut items: Vec<Line> =
        page.iter().map(|entry| outline.line(entry, particulars.get(&entry.request_id()))).collect();
    if let Some(court) = court {
        items.iter_mut().for_each(|line| for_a_court(court, line));
    }
    let standing = seizures.iter().filter(|seizure| seizure.stands).count();
    let waiting = seizures.iter().filter(|seizure| seizure.waits).count();
    Ok(Json(Queue {
        unit_code: unit,
        register: Standing { formal: standing - waiting, waiting, ended: seizures.len() - standing },
        turn: outline.turn,
        items,
        next: next.map(write_cursor),
    }))
}

/// A unit that the caller may not read looks like one that is not there.
fn may_read(caller: &Caller, demands: &[Demanded]) -> bool {
    match &caller.role {
        Role::Operator => !demands.is_empty(),
        Role::Court => demands.iter().any(|demand| demand.sender == caller.name),
        Role::Connector { province } => demands.iter().any(|demand| demand.province == province.as_str()),
        Role::Clerk { registry } => demands.iter().any(|demand| demand.registry == registry.as_str()),
    }
}

/// R68 (严禁违法泄露不动产登记信息): what is not registered concerns nobody but those who handle it, and of what is registered a
/// court needs the place, not the name.
fn for_a_court(court: &str, line: &mut Line) {
    if line.demand.as_ref().is_some_and(|demand| demand.sender == court) {
        return;
    }
    line.demand = None;
    line.decided = None;
    line.why = "a demand of another court".to_owned();
}

/// Opaque on purpose: callers must not build positions of their own.
fn write_cursor(key: Key) -> String {
    let mut bytes = vec![u8::from(key.without_place)];
    bytes.extend(key.at.as_microsecond().to_be_bytes());
    bytes.extend(key.no.to_be_bytes());
    bytes.extend(key.request_id.as_bytes());
    BASE64.encode(bytes)
}

fn read_cursor(text: &str) -> Result<Key, Problem> {
    let read = || {
        let bytes: [u8; 33] = BASE64.decode(text).ok()?.try_into().ok()?;
        let number = |from: usize| Some(i64::from_be_bytes(bytes[from..from + 8].try_into().ok()?));
        Some(Key {
            without_place: bytes[0] == 1,
            at: Timestamp::from_microsecond(number(1)?).ok()?,
            no: number(9)?,
            request_id: Uuid::from_slice(&bytes[17..]).ok()?,
        })
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
        for without_place in [false, true] {
            let key = Key { without_place, at, no: 7, request_id: Uuid::from_u128(9) };
            assert_eq!(read_cursor(&write_cursor(key)).unwrap(), key);
        }
        for text in ["", "x", "AAAA", "////////////////////////////////"] {
            assert!(read_cursor(text).is_err(), "{text}");
        }
    }
}
