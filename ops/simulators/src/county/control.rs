//! `/_sim`: how a test makes the county misbehave, and reads what it wrote. No real registry has this.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::Query,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    App,
    desk::Taking,
    faults::FaultOrder,
    filing::{self, Refusal},
    http::{Shared, disk_failed, refuse},
    links::LinkOrder,
    now,
};

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/faults", get(list_faults).post(set_fault))
        .route("/local-demands", get(list_links).post(link))
        .route("/window-demands", post(window))
        .route("/journal", get(journal))
        .route("/stats", get(stats))
}

async fn list_faults(State(app): Shared) -> Json<Value> {
    Json(json!({"faults": app.faults.list(), "held": app.faults.held()}))
}

async fn set_fault(State(app): Shared, Json(order): Json<FaultOrder>) -> Json<Value> {
    tracing::info!(registry = order.registry, fault = String::from(order.fault), "fault set");
    app.faults.set(order);
    Json(json!({"faults": app.faults.list()}))
}

/// A court sends a demand over the county's own link (点对点); answered once the county holds it.
async fn link(State(app): Shared, Json(order): Json<LinkOrder>) -> Response {
    match receive(&app, order).await {
        Ok(Some(receipt_id)) => Json(json!({"status": "held", "id": receipt_id})).into_response(),
        Ok(None) => disk_failed(),
        Err(Refusal(code, reason)) => refuse(StatusCode::UNPROCESSABLE_ENTITY, code, &reason),
    }
}

/// Takes what a court sent over the link; its receipt's id, none when the disk failed.
pub(super) async fn receive(app: &App, order: LinkOrder) -> Result<Option<String>, Refusal> {
    let filings = filing::of_link(&order.registry, &order.demand)?;
    let registry = order.registry.clone();
    let (receipt_id, durable) = app.desk().link(order, filings, now(), &app.journal);
    if durable.wait().await.is_err() {
        return Ok(None);
    }
    app.desk().links().open(&registry, &receipt_id);
    Ok(Some(receipt_id))
}

async fn list_links(State(app): Shared) -> Json<Value> {
    Json(json!({"registries": app.desk().links().list()}))
}

/// Body of `POST /_sim/window-demands`: papers that a clerk received at the window and entered in the hub.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowOrder {
    registry: String,
    /// The hub's ids, one for each unit.
    request_ids: Vec<Uuid>,
    /// The demand in the published form of a submission.
    demand: Value,
}

/// The clerk files papers of the window in the county's own system; answered once the county holds them.
async fn window(State(app): Shared, Json(order): Json<WindowOrder>) -> Response {
    let filings = match filing::of_window(&order.registry, &order.demand, &order.request_ids) {
        Ok(filings) => filings,
        Err(Refusal(code, reason)) => return refuse(StatusCode::UNPROCESSABLE_ENTITY, code, &reason),
    };
    for filing in filings {
        let taking = app.desk().take(filing, now(), &app.journal);
        let Taking::Held { durable, .. } = taking else {
            return refuse(StatusCode::CONFLICT, "other_body", "held with another body, or returned");
        };
        if durable.wait().await.is_err() {
            return disk_failed();
        }
    }
    Json(json!({"status": "held"})).into_response()
}

#[derive(Deserialize)]
struct JournalQuery {
    registry: Option<String>,
    #[serde(default)]
    after: u64,
}

async fn journal(State(app): Shared, Query(query): Query<JournalQuery>) -> Response {
    let read = tokio::task::spawn_blocking(move || app.journal.read()).await;
    let Ok(Ok(mut records)) = read else { return disk_failed() };
    records.retain(|record| {
        record.seq > query.after
            && query.registry.as_ref().is_none_or(|wanted| wanted == record.event.registry())
    });
    Json(json!({"entries": records})).into_response()
}

async fn stats(State(app): Shared) -> Json<Value> {
    let (syncs, lines) = app.journal.numbers();
    Json(json!({"journal_lines": lines, "journal_syncs": syncs, "registries": app.desk().stats()}))
}
