//! The span of a request, and what a stored trace context tells.

use axum::http::Request;
use tracing::{Span, field};

use crate::telemetry::set_parent;
use crate::telemetry::trace::HEADER;

/// The span of one request, continuing the caller's trace. The path is the route's, so that no id or query reaches a
/// metric's name.
pub(crate) fn span<B>(request: &Request<B>, route: &str, request_id: &str) -> Span {
    let span = tracing::info_span!(
        "http",
        otel.kind = "server",
        http.request.method = %request.method(),
        http.route = route,
        request_id,
        caller = field::Empty,
        http.response.status_code = field::Empty,
    );
    if let Some(parent) = request.headers().get(HEADER).and_then(|value| value.to_str().ok()) {
        set_parent(&span, parent);
    }
    span
}

/// The trace id of a stored context.
pub(crate) fn trace_id(traceparent: &str) -> Option<&str> {
    traceparent.split('-').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_names_its_trace() {
        let context = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(trace_id(context), Some("0af7651916cd43dd8448eb211c80319c"));
        assert_eq!(trace_id("garbage"), None);
    }
}
