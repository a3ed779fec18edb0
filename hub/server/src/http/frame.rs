//! The frame round every handler: request id, span, time limit, panics, and the headers every answer carries.

use std::{any::Any, time::Instant};

use axum::{
    Json, Router,
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;
use uuid::Uuid;

use super::{App, app, auth, codes, openapi, problem::Problem, routes, trace};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The whole API. Everything in the table of [`routes`] that asks for a role is behind the gate.
pub fn router(app: App) -> Router {
    let (mut open, mut guarded) = (Router::new(), Router::new());
    for route in routes::all() {
        let side = if route.need.is_some() { &mut guarded } else { &mut open };
        *side = std::mem::take(side).route(route.path, (route.handler)());
    }
    guarded = routes::dispatched(guarded);
    let guarded = guarded
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(app.clone(), auth::gate));
    open.merge(guarded)
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(no_such_address)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(app.clone(), frame))
        .with_state(app)
}

async fn frame(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = Uuid::now_v7().to_string();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let span = trace::span(&request, &route, &id);
    let work = next.run(request).instrument(span.clone());
    let limit = routes::time_limit(&method, &route, &app);
    let mut response = tokio::select! {
        answered = tokio::time::timeout(limit, work) => match answered {
            Ok(response) => response,
            Err(_) => late(&method, &route).into_response(),
        },
        // Whoever waits for a database that says nothing is told in time (T_refuse); work that must not be cut off goes on.
        () = app.store.pulse().stopped() => late(&method, &route).into_response(),
    };
    if let Some(mut problem) = response.extensions_mut().remove::<Problem>() {
        app.metrics.add_for("http_problems_total", "code", &problem.code, 1);
        for item in &problem.problems {
            app.metrics.add_for("demand_problems_total", "code", &item.code, 1);
        }
        problem.instance = Some(format!("urn:uuid:{id}"));
        response = problem.into_response();
    }
    let status = response.status();
    app.metrics.add_for("http_requests_total", "status", status.as_str(), 1);
    span.record("http.response.status_code", status.as_u16());
    let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| tracing::info!(%method, route, status = status.as_u16(), duration_ms, "answered"));
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, HeaderValue::from_str(&id).expect("a UUID is ASCII"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// What is said when the answer does not come. Only some requests may be repeated without a look at what became of them.
fn late(method: &Method, route: &str) -> Problem {
    let detail = match *method {
        Method::GET | Method::HEAD => "the hub did not answer in time; nothing was changed, ask again",
        Method::PUT | Method::DELETE => {
            "the hub did not answer in time; the same request may be sent again safely"
        }
        _ if route == "/v1/demands" => {
            "the hub did not answer in time; the same demand may be sent again safely"
        }
        _ => return app::unknown(),
    };
    Problem::new(codes::BUSY, detail)
}

/// The panic's own words may hold anything, so they go nowhere; the panic hook has logged the place.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!(code = codes::INTERNAL.code, "a handler panicked; the request was answered 500");
    Problem::new(
        codes::INTERNAL,
        "the hub failed in this request; the operator finds it under the request id",
    )
    .into_response()
}

async fn method_not_allowed() -> Problem {
    Problem::new(codes::METHOD_NOT_ALLOWED, "see /openapi.json for what this address knows")
}

async fn no_such_address() -> Problem {
    Problem::new(codes::NO_SUCH_ADDRESS, "see /openapi.json for the addresses of this API")
}

pub(super) async fn live() -> &'static str {
    "ok\n"
}

pub(super) async fn ready(State(app): State<App>) -> Response {
    let readiness = app.health.readiness();
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}

pub(super) async fn metrics(State(app): State<App>) -> Response {
    let (used, size) = app.store.usage();
    app.metrics.set("database_connections_used", i64::try_from(used).unwrap_or(i64::MAX));
    app.metrics.set("database_connections_max", i64::try_from(size).unwrap_or(i64::MAX));
    app.metrics.set("outbox_unconfirmed", app.backlog.unconfirmed());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.render()).into_response()
}

pub(super) async fn document() -> Response {
    Json(openapi::document()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_repeated_is_called_safe_to_repeat() {
        let code = |method, route| late(&method, route).code.clone();
        assert_eq!(code(Method::GET, "/v1/demands/{id}"), codes::BUSY.code);
        assert_eq!(code(Method::PUT, "/v1/webhook"), codes::BUSY.code);
        assert_eq!(code(Method::POST, "/v1/demands"), codes::BUSY.code);
        assert_eq!(code(Method::POST, "/v1/undelivered/jobs"), codes::UNKNOWN_OUTCOME.code);
    }
}
