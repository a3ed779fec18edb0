//! The status page on a port of its own: alive, ready, counts. It shows registry codes and counts, nothing of a demand.

use std::{net::SocketAddr, sync::Arc};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use tokio::net::TcpListener;

use crate::status::{Snapshot, Status};

/// Opens the port, so that a taken one is known before anything else starts.
pub(crate) async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves until the task is ended.
pub(crate) async fn serve(listener: TcpListener, status: Arc<Status>) -> std::io::Result<()> {
    let pages = Router::new()
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(async |State(status): State<Arc<Status>>| status.metrics()))
        .with_state(status);
    axum::serve(listener, pages).await
}

async fn ready(State(status): State<Arc<Status>>) -> (StatusCode, Json<Snapshot>) {
    let snapshot = status.snapshot();
    let code = if snapshot.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(snapshot))
}
