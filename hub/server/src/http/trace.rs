//! Trace context: continues the caller's trace and hands the context to what outlives the request.

use axum::http::{HeaderMap, Request};
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use tracing::{Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The span of one request. The path is the route's, so that no id or query reaches a metric's name.
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
    if let Some(parent) = parent(request.headers()) {
        // Fails only where no OpenTelemetry layer is installed, and then there is nothing to join.
        span.set_parent(Context::new().with_remote_span_context(parent)).ok();
    }
    span
}

/// W3C trace context of the current span, `00-<trace>-<span>-<flags>`; nothing where tracing is not exported.
pub(crate) fn traceparent() -> Option<String> {
    let context = Span::current().context();
    let span = context.span();
    let span = span.span_context();
    span.is_valid()
        .then(|| format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8()))
}

/// The trace id of a stored context.
pub(crate) fn trace_id(traceparent: &str) -> Option<&str> {
    traceparent.split('-').nth(1)
}

fn parent(headers: &HeaderMap) -> Option<SpanContext> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version.len() != 2 || version == "ff" || trace.len() != 32 || span.len() != 16 || flags.len() != 2 {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()? & 1),
        true,
        TraceState::NONE,
    );
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn only_whole_contexts_are_joined() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", text.parse().unwrap());
            parent(&headers).map(|context| context.trace_id().to_string())
        };
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(read(good).as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
        assert_eq!(trace_id(good), Some("0af7651916cd43dd8448eb211c80319c"));
        assert_eq!(read("00-00000000000000000000000000000000-b7ad6b7169203331-01"), None);
        assert_eq!(read("00-0af7651916cd43dd8448eb211c80319c-b7ad"), None);
        assert_eq!(read("garbage"), None);
    }
}
