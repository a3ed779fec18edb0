//! `/_sim`: how a test makes the county misbehave, and reads what it wrote. No real registry has this.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::Query,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    App,
    faults::FaultOrder,
    http::{Shared, disk_failed},
};

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/faults", get(list_faults).post(set_fault))
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
