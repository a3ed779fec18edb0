//! `GET /v1/reports/summary`. For operators.

use axum::{Json, extract::State, routing::get};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;
use xiezhi_schemas::address::ProvinceCode;

use super::{Report, ReportError};
use crate::http::{
    App,
    auth::{Caller, Need},
    codes,
    problem::Problem,
    query::Query,
    routes::{PLAIN, Route, json, schema_of},
};

/// The operations of this room.
pub const ROUTES: &[Route] = &[Route {
    path: "/v1/reports/summary",
    operation: "reportSummary",
    summary: "What became of the requests accepted in a span of days, in every sorting that the ministry asks for.",
    need: Some(Need::Operator),
    query: Some(schema_of::<SummaryQuery>),
    answers: &[json::<Report>(200, "The report.")],
    handler: || get(summary),
    ..PLAIN
}];

/// Query of the report.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SummaryQuery {
    /// First day of acceptance, in China.
    from: Date,
    /// Last day, included.
    to: Date,
    /// Of one province.
    province: Option<ProvinceCode>,
}

async fn summary(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<SummaryQuery>,
) -> Result<Json<Report>, Problem> {
    caller.need(Need::Operator)?;
    match super::make(&app.store, query.from, query.to, query.province).await {
        Ok(report) => Ok(Json(report)),
        Err(ReportError::Span(error)) => Err(Problem::new(codes::QUERY, error.to_string())),
        Err(ReportError::Store(error)) => Err(error.into()),
    }
}
